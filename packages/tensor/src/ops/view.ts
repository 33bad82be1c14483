import { ToolError } from '../errors.ts';
import { broadcastStrides } from '../kernels/elementwise.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import {
  broadcastShapes,
  contiguousStrides,
  formatShape,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
} from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray } from './reference.ts';

/** New dimensions over the same elements. Copies only if the view is not contiguous. */
export const reshapeOp: OpDef<{ readonly shape: Shape }> = {
  name: 'reshape',
  anyDtype: true,
  doc: 'the same elements in row-major order under another shape',
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
    if (x!.isContiguous) return [x!.view(shape, contiguousStrides(shape), x!.offset)];
    const compact = launchElementwise({ name: 'copy', expr: 'x0' }, [x!], x!);
    const result = compact.view(shape, contiguousStrides(shape), 0);
    compact.dispose();
    return [result];
  },
  reference: ([x], { shape }) => [refArray(shape, x!.data)],
  samples: () => [
    { name: 'split', inputs: [normalArray(51, [4, 6])], attrs: { shape: [2, 2, 6] } },
    { name: 'flatten', inputs: [normalArray(52, [3, 5])], attrs: { shape: [15] } },
    { name: 'scalar', inputs: [normalArray(53, [1, 1])], attrs: { shape: [] } },
  ],
  errors: () => [
    { name: 'size changes', inputs: [{ shape: [4, 6], dtype: 'f32' }], attrs: { shape: [5, 5] }, code: 'shape' },
    { name: 'a fraction', inputs: [{ shape: [2, 3], dtype: 'f32' }], attrs: { shape: [4, 1.5] }, code: 'shape' },
    { name: 'negative sizes', inputs: [{ shape: [2, 3], dtype: 'f32' }], attrs: { shape: [-2, -3] }, code: 'shape' },
  ],
};

export const permuteOp: OpDef<{ readonly axes: readonly number[] }> = {
  name: 'permute',
  anyDtype: true,
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
  reference: ([x], { axes }) => {
    const strides = contiguousStrides(x!.shape);
    const shape = axes.map((axis) => x!.shape[axis]!);
    const moved = axes.map((axis) => strides[axis]!);
    const outStrides = contiguousStrides(shape);
    const data = Array.from({ length: sizeOf(shape) }, (_, i) => {
      let source = 0;
      shape.forEach((dim, axis) => {
        source += (Math.floor(i / outStrides[axis]!) % dim) * moved[axis]!;
      });
      return x!.data[source]!;
    });
    return [refArray(shape, data)];
  },
  samples: () => [
    { name: 'transpose', inputs: [normalArray(54, [3, 5])], attrs: { axes: [1, 0] } },
    { name: 'rank 3', inputs: [normalArray(55, [2, 3, 4])], attrs: { axes: [2, 0, 1] } },
  ],
  errors: () => [
    { name: 'axis twice', inputs: [{ shape: [2, 3], dtype: 'f32' }], attrs: { axes: [0, 0] }, code: 'shape' },
  ],
};

export interface SliceAttrs {
  readonly axis: number;
  readonly start: number;
  readonly end: number;
}

export const sliceOp: OpDef<SliceAttrs> = {
  name: 'slice',
  anyDtype: true,
  doc: 'elements start..end-1 along one axis; a view',
  infer: ([x], { axis, start, end }) => {
    const dim = x!.shape[axis];
    if (dim === undefined || start < 0 || end > dim || start > end) {
      throw new ToolError('shape', {
        op: 'slice',
        expected: `0 <= start <= end <= ${dim ?? 'size'} along axis ${axis} of ${formatShape(x!.shape)}`,
        got: `start ${start}, end ${end}`,
      });
    }
    return [{ shape: x!.shape.map((d, i) => (i === axis ? end - start : d)), dtype: x!.dtype }];
  },
  run: ([x], [out], { axis, start }) => [x!.view(out!.shape, x!.strides, x!.offset + start * x!.strides[axis]!)],
  reference: ([x], { axis, start, end }) => {
    const inner = sizeOf(x!.shape.slice(axis + 1));
    const dim = x!.shape[axis]!;
    const outer = sizeOf(x!.shape.slice(0, axis));
    const data: number[] = [];
    for (let o = 0; o < outer; o++) {
      for (let d = start; d < end; d++) for (let i = 0; i < inner; i++) data.push(x!.data[(o * dim + d) * inner + i]!);
    }
    return [
      refArray(
        x!.shape.map((d, i) => (i === axis ? end - start : d)),
        data,
      ),
    ];
  },
  samples: () => [
    { name: 'rows', inputs: [normalArray(56, [6, 4])], attrs: { axis: 0, start: 1, end: 4 } },
    { name: 'columns', inputs: [normalArray(57, [6, 5])], attrs: { axis: 1, start: 2, end: 5 } },
    { name: 'nothing', inputs: [normalArray(58, [6, 5])], attrs: { axis: 1, start: 2, end: 2 } },
  ],
  errors: () => [
    {
      name: 'past the end',
      inputs: [{ shape: [4], dtype: 'f32' }],
      attrs: { axis: 0, start: 1, end: 5 },
      code: 'shape',
    },
  ],
};

export const expandOp: OpDef<{ readonly shape: Shape }> = {
  name: 'expand',
  anyDtype: true,
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
    const strides = broadcastStrides(x!.shape, contiguousStrides(x!.shape), shape);
    const out = contiguousStrides(shape);
    return [
      refArray(
        shape,
        Array.from({ length: sizeOf(shape) }, (_, i) => {
          let source = 0;
          shape.forEach((dim, axis) => {
            source += (Math.floor(i / out[axis]!) % dim) * strides[axis]!;
          });
          return x!.data[source]!;
        }),
      ),
    ];
  },
  samples: () => [
    { name: 'column', inputs: [normalArray(59, [3, 1])], attrs: { shape: [3, 4] } },
    { name: 'new axis', inputs: [normalArray(60, [4])], attrs: { shape: [2, 4] } },
  ],
  errors: () => [{ name: 'size 3 to 4', inputs: [{ shape: [3], dtype: 'f32' }], attrs: { shape: [4] }, code: 'shape' }],
};

/** Another shape over the same elements; one dimension may be -1. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  const known = shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  return applyOp(reshapeOp, [x], { shape: shape.map((dim) => (dim === -1 ? x.size / known : dim)) })[0]!;
}

export function permute(x: Tensor, axes: readonly number[]): Tensor {
  return applyOp(permuteOp, [x], { axes: axes.map((axis) => normalizeAxis('permute', axis, x.rank)) })[0]!;
}

/** Swaps the last two dimensions. */
export function transpose(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  axes.push(...axes.splice(-2, 1));
  return permute(x, axes);
}

/** Elements start..end-1 along `axis`. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  return applyOp(sliceOp, [x], { axis: normalizeAxis('slice', axis, x.rank), start, end })[0]!;
}

export function expand(x: Tensor, shape: Shape): Tensor {
  return applyOp(expandOp, [x], { shape })[0]!;
}
