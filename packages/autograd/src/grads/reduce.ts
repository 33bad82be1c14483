import { divide, expand, greaterEqual, multiply, reshape, type Shape, sum, type Tensor } from '@dawngrad/tensor';
import type { Gradient } from '../gradient.ts';

interface ReduceAttrs {
  readonly axes: readonly number[];
  readonly keepDims: boolean;
}

/** A reduced tensor back with size-1 dimensions where it was reduced. */
function keepDims(x: Tensor, shape: Shape, axes: readonly number[]): Tensor {
  return reshape(
    x,
    shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
  );
}

/** Every element gets the gradient of its sum. */
export const sumGradient: Gradient<ReduceAttrs> = {
  apply: ({ dy, inputs, attrs }) => {
    const shape = inputs[0]!.shape;
    return [expand(keepDims(dy[0]!, shape, attrs.axes), shape)];
  },
};

/** Elements that attain the extreme share its gradient equally. */
function extremeGradient(attains: (x: Tensor, y: Tensor) => Tensor): Gradient<ReduceAttrs> {
  return {
    apply: ({ dy, inputs, outputs, attrs }) => {
      const x = inputs[0]!;
      const mask = attains(x, keepDims(outputs[0]!, x.shape, attrs.axes));
      const share = divide(keepDims(dy[0]!, x.shape, attrs.axes), sum(mask, { axes: attrs.axes, keepDims: true }));
      return [multiply(mask, share)];
    },
  };
}

export const maxGradient: Gradient<ReduceAttrs> = extremeGradient((x, y) => greaterEqual(x, y));
export const minGradient: Gradient<ReduceAttrs> = extremeGradient((x, y) => greaterEqual(y, x));
