import { ToolError } from '../errors.ts';
import { broadcastStrides } from '../kernels/elementwise.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { broadcastShapes, formatShape, normalizeAxis, type Shape, sameShape, sizeOf, viewStrides } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { elementAt, fromIndex } from './index-reference.ts';
import { compact } from './launch-elementwise.ts';
import { normalArray, refArray } from './reference.ts';

/** New dimensions over the same elements. Copies only where no strides can express them. */
export const reshapeOp: OpDef<{ readonly shape: Shape }> = {
  name: 'reshape',
  anyDtype: true,
  tolerance: 'exact',
  doc: 'the same elements in row-major order under another shape; a view where strides can express it',
  infer: ([x], { shape }) => {
    const isShape = shape.every((dim) => Number.isInteger(dim) && dim >= 0);
    if (!isShape || sizeOf(shape) !== sizeOf(x!.shape)) {
      throw new ToolError('shape', {
        op: 'reshape',
        expected: `${sizeOf(x!.shape)} elements as in ${formatShape(x!.shape)}`,
        got: formatShape(shape),
      });
    }
    return [{ shape, dtype: x!.dtype }];
  },
  run: ([x], _, { shape }) => {
    const strides = viewStrides(x!.shape, x!.strides, shape);
    if (strides !== undefined) return [x!.view(shape, strides, x!.offset)];
    const plain = compact(x!);
    const result = plain.view(shape, viewStrides(plain.shape, plain.strides, shape)!, 0);
    plain.dispose();
    return [result];
  },
  reference: ([x], { shape }) => [refArray(shape, x!.data, x!.dtype)],
  samples: () => [
    { name: 'split', inputs: [normalArray(51, [4, 6])], attrs: { shape: [2, 2, 6] } },
    { name: 'flatten', inputs: [normalArray(52, [3, 5])], attrs: { shape: [15] } },
    { name: 'scalar', inputs: [normalArray(53, [1, 1])], attrs: { shape: [] } },
    { name: 'nothing', inputs: [normalArray(53, [0, 3])], attrs: { shape: [2, 0] } },
  ],
  errors: () => [
    { name: 'size changes', inputs: [{ shape: [4, 6], dtype: 'f32' }], attrs: { shape: [5, 5] }, code: 'shape' },
    { name: 'a fraction', inputs: [{ shape: [2, 3], dtype: 'f32' }], attrs: { shape: [4, 1.5] }, code: 'shape' },
    { name: 'negative sizes', inputs: [{ shape: [2, 3], dtype: 'f32' }], attrs: { shape: [-2, -3] }, code: 'shape' },
  ],
  fuzz: (draw) => {
    const shape = draw.shape(draw.below(5), 500);
    const target: number[] = [];
    for (let rest = sizeOf(shape); rest > 1; ) {
      const dim = draw.of([2, 3, 4, 5, 8, rest].filter((size) => rest % size === 0));
      target.splice(draw.below(target.length + 1), 0, dim);
      rest /= dim;
      if (draw.oneIn(4)) target.push(1);
    }
    return {
      name: `to [${target}]`,
      inputs: [draw.normals(shape)],
      attrs: { shape: sizeOf(shape) === 0 ? shape : target },
    };
  },
};

export const permuteOp: OpDef<{ readonly axes: readonly number[] }> = {
  name: 'permute',
  anyDtype: true,
  tolerance: 'exact',
  doc: 'dimensions in another order; a view',
  infer: ([x], { axes }) => {
    const rank = x!.shape.length;
    if (axes.length !== rank || new Set(axes).size !== rank || axes.some((axis) => axis < 0 || axis >= rank)) {
      throw new ToolError('shape', {
        op: 'permute',
        expected: `each axis of ${formatShape(x!.shape)} once`,
        got: `axes ${formatShape(axes)}`,
      });
    }
    return [{ shape: axes.map((axis) => x!.shape[axis]!), dtype: x!.dtype }];
  },
  run: ([x], [out], { axes }) => [
    x!.view(
      out!.shape,
      axes.map((axis) => x!.strides[axis]!),
      x!.offset,
    ),
  ],
  reference: ([x], { axes }) => [
    fromIndex(
      axes.map((axis) => x!.shape[axis]!),
      x!.dtype,
      (index) =>
        elementAt(
          x!,
          axes.map((_, axis) => index[axes.indexOf(axis)]!),
        ),
    ),
  ],
  samples: () => [
    { name: 'transpose', inputs: [normalArray(54, [3, 5])], attrs: { axes: [1, 0] } },
    { name: 'rank 3', inputs: [normalArray(55, [2, 3, 4])], attrs: { axes: [2, 0, 1] } },
    { name: 'a scalar', inputs: [normalArray(55, [])], attrs: { axes: [] } },
  ],
  errors: () => [
    { name: 'axis twice', inputs: [{ shape: [2, 3], dtype: 'f32' }], attrs: { axes: [0, 0] }, code: 'shape' },
  ],
  fuzz: (draw) => {
    const rank = draw.below(6);
    return { name: 'any order', inputs: [draw.normals(draw.shape(rank, 500))], attrs: { axes: draw.axes(rank) } };
  },
};

export const expandOp: OpDef<{ readonly shape: Shape }> = {
  name: 'expand',
  anyDtype: true,
  tolerance: 'exact',
  doc: 'repeats dimensions of size 1 up to a shape, without a copy',
  infer: ([x], { shape }) => {
    if (!sameShape(broadcastShapes('expand', x!.shape, shape), shape)) {
      throw new ToolError('shape', {
        op: 'expand',
        expected: `a shape that ${formatShape(x!.shape)} broadcasts to`,
        got: formatShape(shape),
      });
    }
    return [{ shape, dtype: x!.dtype }];
  },
  run: ([x], _, { shape }) => [x!.view(shape, broadcastStrides(x!.shape, x!.strides, shape), x!.offset)],
  reference: ([x], { shape }) => {
    const lead = shape.length - x!.shape.length;
    return [
      fromIndex(shape, x!.dtype, (index) =>
        elementAt(
          x!,
          x!.shape.map((dim, axis) => (dim === 1 ? 0 : index[axis + lead]!)),
        ),
      ),
    ];
  },
  samples: () => [
    { name: 'column', inputs: [normalArray(59, [3, 1])], attrs: { shape: [3, 4] } },
    { name: 'new axis', inputs: [normalArray(60, [4])], attrs: { shape: [2, 4] } },
    { name: 'to nothing', inputs: [normalArray(60, [1, 4])], attrs: { shape: [0, 4] } },
  ],
  errors: () => [{ name: 'size 3 to 4', inputs: [{ shape: [3], dtype: 'f32' }], attrs: { shape: [4] }, code: 'shape' }],
  fuzz: (draw) => {
    const shape = draw.shape(draw.below(5), 500);
    return { name: `to [${shape}]`, inputs: [draw.normals(draw.broadcastTo(shape))], attrs: { shape } };
  },
};

/** Another shape over the same elements; one dimension may be -1. A view unless the elements are out of order. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const open = shape.filter((dim) => dim === -1).length;
  if (open === 0) return applyOp(reshapeOp, [x], { shape })[0]!;
  const known = shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  if (open > 1 || known === 0) {
    throw new ToolError('shape', {
      op: 'reshape',
      expected: 'at most one size of -1, and none beside a size of 0',
      got: formatShape(shape),
    });
  }
  return applyOp(reshapeOp, [x], { shape: shape.map((dim) => (dim === -1 ? x.size / known : dim)) })[0]!;
}

/** Dimensions in another order: output axis i is `axes[i]` of x. A view. */
export function permute(x: Tensor, axes: readonly number[]): Tensor {
  return applyOp(permuteOp, [x], { axes: axes.map((axis) => normalizeAxis('permute', axis, x.rank)) })[0]!;
}

/** Swaps two dimensions, by default the last two. A view. */
export function transpose(x: Tensor, a = -2, b = -1): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  // A vector or a scalar is its own transpose.
  if (x.rank >= 2 || a !== -2 || b !== -1) {
    const [first, second] = [normalizeAxis('transpose', a, x.rank), normalizeAxis('transpose', b, x.rank)];
    axes[first] = second;
    axes[second] = first;
  }
  return permute(x, axes);
}

/** Stretches dimensions of size 1, and adds leading ones, up to `shape`. A view. */
export function expand(x: Tensor, shape: Shape): Tensor {
  return applyOp(expandOp, [x], { shape })[0]!;
}

/** Drops dimensions of size 1: those of `axes`, by default all. A view. */
export function squeeze(x: Tensor, axes?: readonly number[]): Tensor {
  const dropped = axes?.map((axis) => normalizeAxis('squeeze', axis, x.rank));
  const wrong = dropped?.find((axis) => x.shape[axis] !== 1);
  if (wrong !== undefined) {
    throw new ToolError('shape', {
      op: 'squeeze',
      expected: `size 1 along axis ${wrong}`,
      got: formatShape(x.shape),
    });
  }
  return reshape(
    x,
    x.shape.filter((dim, axis) => (dropped === undefined ? dim !== 1 : !dropped.includes(axis))),
  );
}

/** A new dimension of size 1 that stands at `axis` of the result. A view. */
export function unsqueeze(x: Tensor, axis: number): Tensor {
  const shape = [...x.shape];
  shape.splice(normalizeAxis('unsqueeze', axis, x.rank + 1), 0, 1);
  return reshape(x, shape);
}
