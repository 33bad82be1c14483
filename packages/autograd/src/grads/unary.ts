import {
  affine,
  greaterEqual,
  multiply,
  negate,
  reciprocal,
  sigmoid,
  square,
  subtract,
  Tensor,
} from '@dawngrad/tensor';
import type { Gradient, GradientContext } from '../gradient.ts';

type Context = GradientContext<undefined>;

/** A gradient of the form dx = f(x, y) * dy, given as dx by (dy, x, y). */
function pointwise(dx: (dy: Tensor, x: Tensor, y: Tensor) => Tensor): Gradient<undefined> {
  return { apply: ({ dy, inputs, outputs }: Context) => [dx(dy[0]!, inputs[0]!, outputs[0]!)] };
}

function zeroLike(x: Tensor): Tensor {
  return Tensor.from(x.device, [0], [], 'f32', 'autograd/zero');
}

/** dx of each unary op: the closed form stands beside the name. */
export const unaryGradients: Readonly<Record<string, Gradient<undefined>>> = {
  negate: pointwise((dy) => negate(dy)), // -dy
  exp: pointwise((dy, _, y) => multiply(dy, y)), // dy e^x
  log: pointwise((dy, x) => multiply(dy, reciprocal(x))), // dy / x
  sqrt: pointwise((dy, _, y) => affine(multiply(dy, reciprocal(y)), 0.5, 0)), // dy / (2 sqrt x)
  reciprocal: pointwise((dy, _, y) => negate(multiply(dy, square(y)))), // -dy / x^2
  square: pointwise((dy, x) => affine(multiply(dy, x), 2, 0)), // 2 x dy
  // dy sign(x), with sign(x) = [x >= 0] - [-x >= 0]
  abs: pointwise((dy, x) => multiply(dy, subtract(greaterEqual(x, zeroLike(x)), greaterEqual(negate(x), zeroLike(x))))),
  tanh: pointwise((dy, _, y) => multiply(dy, affine(square(y), -1, 1))), // dy (1 - y^2)
  sigmoid: pointwise((dy, _, y) => multiply(dy, multiply(y, affine(y, -1, 1)))), // dy y (1 - y)
  // dy s (1 + x (1 - s)) with s = sigmoid(x)
  silu: pointwise((dy, x) => {
    const s = sigmoid(x);
    return multiply(dy, multiply(s, affine(multiply(x, affine(s, -1, 1)), 1, 1)));
  }),
  softplus: pointwise((dy, x) => multiply(dy, sigmoid(x))), // dy sigmoid(x)
  // dy [x > 0], with [x > 0] = 1 - [-x >= 0]
  relu: pointwise((dy, x) => multiply(dy, affine(greaterEqual(negate(x), zeroLike(x)), -1, 1))),
};
