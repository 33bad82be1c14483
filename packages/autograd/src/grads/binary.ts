import { affine, divide, greaterEqual, multiply, negate, type Tensor } from '@dawngrad/tensor';
import type { Gradient, GradientContext } from '../gradient.ts';
import { sumTo } from './sum-to.ts';

type Side = (dy: Tensor, a: Tensor, b: Tensor, y: Tensor) => Tensor;

/** Gradients by each side, computed only where needed and summed over broadcast dimensions. */
function sides(byA: Side, byB: Side): Gradient<undefined> {
  return {
    apply: ({ dy, inputs, outputs, needs }: GradientContext<undefined>) => {
      const [a, b] = inputs as [Tensor, Tensor];
      return [
        needs[0] ? sumTo(byA(dy[0]!, a, b, outputs[0]!), a.shape) : undefined,
        needs[1] ? sumTo(byB(dy[0]!, a, b, outputs[0]!), b.shape) : undefined,
      ];
    },
  };
}

export const binaryGradients: Readonly<Record<string, Gradient<undefined>>> = {
  add: sides(
    (dy) => dy,
    (dy) => dy,
  ),
  subtract: sides(
    (dy) => dy,
    (dy) => negate(dy),
  ),
  multiply: sides(
    (dy, _, b) => multiply(dy, b),
    (dy, a) => multiply(dy, a),
  ),
  // y = a / b: da = dy / b, db = -dy y / b
  divide: sides(
    (dy, _, b) => divide(dy, b),
    (dy, _, b, y) => negate(divide(multiply(dy, y), b)),
  ),
  maximum: sides(
    (dy, a, b) => multiply(dy, greaterEqual(a, b)),
    (dy, a, b) => multiply(dy, affine(greaterEqual(a, b), -1, 1)),
  ),
  minimum: sides(
    (dy, a, b) => multiply(dy, greaterEqual(b, a)),
    (dy, a, b) => multiply(dy, affine(greaterEqual(b, a), -1, 1)),
  ),
};
