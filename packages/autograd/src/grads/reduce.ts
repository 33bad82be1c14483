import {
  add,
  affine,
  cumprod,
  divide,
  exp,
  expand,
  greaterEqual,
  mean,
  multiply,
  permute,
  reshape,
  type Shape,
  subtract,
  sum,
  Tensor,
} from '@dawngrad/tensor';
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

function countOf(shape: Shape, axes: readonly number[]): number {
  return axes.reduce((count, axis) => count * shape[axis]!, 1);
}

/** Every element gets the gradient of its sum. */
export const sumGradient: Gradient<ReduceAttrs> = {
  apply: ({ dy, inputs, attrs }) => {
    const shape = inputs[0]!.shape;
    return [expand(keepDims(dy[0]!, shape, attrs.axes), shape)];
  },
};

/** dx = dy / n. */
export const meanGradient: Gradient<ReduceAttrs> = {
  apply: ({ dy, inputs, attrs }) => {
    const shape = inputs[0]!.shape;
    return [expand(keepDims(affine(dy[0]!, 1 / countOf(shape, attrs.axes), 0), shape, attrs.axes), shape)];
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

/**
 * dx_i = dy times the product of all others: the products of those before and of those after, so that
 * nothing is divided by and zeros are right.
 */
export const prodGradient: Gradient<ReduceAttrs> = {
  apply: ({ dy, inputs, attrs: { axes } }) => {
    const x = inputs[0]!;
    const order = [...x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis)), ...axes];
    const moved = permute(x, order);
    const kept = moved.shape.slice(0, x.rank - axes.length);
    const rows = reshape(moved, [...kept, countOf(x.shape, axes)]);
    const others = multiply(cumprod(rows, { exclusive: true }), cumprod(rows, { exclusive: true, reverse: true }));
    const dx = multiply(others, reshape(dy[0]!, [...kept, 1]));
    const back = order.map((_, axis) => order.indexOf(axis));
    return [permute(reshape(dx, moved.shape), back)];
  },
};

/** dx = dy e^(x - y). */
export const logSumExpGradient: Gradient<ReduceAttrs> = {
  apply: ({ dy, inputs, outputs, attrs }) => {
    const x = inputs[0]!;
    const y = keepDims(outputs[0]!, x.shape, attrs.axes);
    return [multiply(exp(subtract(x, y)), keepDims(dy[0]!, x.shape, attrs.axes))];
  },
};

/** dx = x dy / y; 0 where y is 0, as x is. */
export const normGradient: Gradient<ReduceAttrs> = {
  apply: ({ dy, inputs, outputs, attrs }) => {
    const x = inputs[0]!;
    const y = outputs[0]!;
    const isZero = greaterEqual(Tensor.from(y.device, [0], [], 'f32', 'autograd/zero'), y);
    return [multiply(x, keepDims(divide(dy[0]!, add(y, isZero)), x.shape, attrs.axes))];
  },
};

/** dx = 2 dy (x - mean) / (n - correction). */
export const varianceGradient: Gradient<ReduceAttrs & { readonly correction: number }> = {
  apply: ({ dy, inputs, attrs: { axes, correction } }) => {
    const x = inputs[0]!;
    const slope = affine(keepDims(dy[0]!, x.shape, axes), 2 / (countOf(x.shape, axes) - correction), 0);
    return [multiply(subtract(x, mean(x, { axes, keepDims: true })), slope)];
  },
};
