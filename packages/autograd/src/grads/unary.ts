import {
  add,
  affine,
  cos,
  cosh,
  divide,
  erfc,
  exp,
  greater,
  isFloat,
  multiply,
  negate,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sinh,
  square,
  type Tensor,
  where,
} from '@dawngrad/tensor';
import type { Gradient, GradientContext } from '../gradient.ts';
import { asType } from './as-type.ts';

type Context = GradientContext<undefined>;
type Slope = (dy: Tensor, x: Tensor, y: Tensor) => Tensor;

/** A gradient dx by (dy, x, y), in the element type of x; an integer has none. */
function pointwise(dx: Slope): Gradient<undefined> {
  return {
    apply: ({ dy, inputs, outputs }: Context) => {
      const x = inputs[0]!;
      return [isFloat(x.dtype) ? asType(dx(dy[0]!, x, outputs[0]!), x.dtype) : undefined];
    },
  };
}

const oneMinus = (x: Tensor): Tensor => affine(x, -1, 1);

/** dx of each unary op: the closed form stands beside the name. */
export const unaryGradients: Readonly<Record<string, Gradient<undefined>>> = {
  negate: pointwise((dy) => negate(dy)), // -dy
  abs: pointwise((dy, x) => multiply(dy, sign(x))), // dy sign(x)
  square: pointwise((dy, x) => affine(multiply(dy, x), 2, 0)), // 2 x dy
  reciprocal: pointwise((dy, _, y) => negate(multiply(dy, square(y)))), // -dy / x^2
  sqrt: pointwise((dy, _, y) => divide(affine(dy, 0.5, 0), y)), // dy / (2 sqrt x)
  rsqrt: pointwise((dy, x, y) => affine(divide(multiply(dy, y), x), -0.5, 0)), // -dy x^(-3/2) / 2

  exp: pointwise((dy, _, y) => multiply(dy, y)), // dy e^x
  exp2: pointwise((dy, _, y) => affine(multiply(dy, y), Math.LN2, 0)), // dy 2^x ln 2
  expm1: pointwise((dy, x) => multiply(dy, exp(x))), // dy e^x
  log: pointwise((dy, x) => divide(dy, x)), // dy / x
  log2: pointwise((dy, x) => affine(divide(dy, x), Math.LOG2E, 0)), // dy / (x ln 2)
  log1p: pointwise((dy, x) => divide(dy, affine(x, 1, 1))), // dy / (1 + x)

  sin: pointwise((dy, x) => multiply(dy, cos(x))), // dy cos x
  cos: pointwise((dy, x) => negate(multiply(dy, sin(x)))), // -dy sin x
  tan: pointwise((dy, _, y) => multiply(dy, affine(square(y), 1, 1))), // dy (1 + tan^2 x)
  asin: pointwise((dy, x) => multiply(dy, rsqrt(oneMinus(square(x))))), // dy / sqrt(1 - x^2)
  acos: pointwise((dy, x) => negate(multiply(dy, rsqrt(oneMinus(square(x)))))), // -dy / sqrt(1 - x^2)
  atan: pointwise((dy, x) => divide(dy, affine(square(x), 1, 1))), // dy / (1 + x^2)
  sinh: pointwise((dy, x) => multiply(dy, cosh(x))), // dy cosh x
  cosh: pointwise((dy, x) => multiply(dy, sinh(x))), // dy sinh x
  tanh: pointwise((dy, _, y) => multiply(dy, oneMinus(square(y)))), // dy (1 - y^2)
  erf: pointwise((dy, x) => multiply(dy, gaussian(x, 1, 2 / Math.sqrt(Math.PI)))), // dy 2 / sqrt(pi) e^(-x^2)
  erfc: pointwise((dy, x) => multiply(dy, gaussian(x, 1, -2 / Math.sqrt(Math.PI)))), // the same, negative

  sigmoid: pointwise((dy, _, y) => multiply(dy, multiply(y, oneMinus(y)))), // dy y (1 - y)
  logSigmoid: pointwise((dy, x) => multiply(dy, sigmoid(negate(x)))), // dy sigmoid(-x)
  softplus: pointwise((dy, x) => multiply(dy, sigmoid(x))), // dy sigmoid(x)
  // dy s (1 + x (1 - s)) with s = sigmoid(x)
  silu: pointwise((dy, x) => {
    const s = sigmoid(x);
    return multiply(dy, multiply(s, affine(multiply(x, oneMinus(s)), 1, 1)));
  }),
  // dy (P(x) + x p(x)) with the normal distribution's P(x) = erfc(-x / sqrt 2) / 2 and its density p
  gelu: pointwise((dy, x) => {
    const share = affine(erfc(affine(x, -Math.SQRT1_2, 0)), 0.5, 0);
    return multiply(dy, add(share, multiply(x, gaussian(x, 0.5, 1 / Math.sqrt(2 * Math.PI)))));
  }),
  // y = x s with s = sigmoid(v), v = k (x + c x^3): dx = dy (s + x s (1 - s) v'), v' = k (1 + 3 c x^2)
  geluTanh: pointwise((dy, x) => {
    const k = 2 * Math.sqrt(2 / Math.PI);
    const x2 = square(x);
    const s = sigmoid(multiply(x, affine(x2, 0.044715 * k, k)));
    const slope = multiply(multiply(x, oneMinus(s)), affine(x2, 3 * 0.044715 * k, k));
    return multiply(dy, multiply(s, affine(slope, 1, 1)));
  }),
  relu: pointwise((dy, x) => where(greater(x, 0), dy, 0)), // dy where x > 0
};

/** scale e^(-rate x^2). */
function gaussian(x: Tensor, rate: number, scale: number): Tensor {
  return affine(exp(affine(square(x), -rate, 0)), scale, 0);
}
