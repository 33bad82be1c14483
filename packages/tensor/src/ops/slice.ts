import { ToolError } from '../errors.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape, normalizeAxis } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { elementAt, fromIndex } from './index-reference.ts';
import { normalArray } from './reference.ts';
import { reshape } from './view.ts';

/** For every axis: the first element, how many, and how far from each to the next, which may be negative. */
export interface SliceAttrs {
  readonly start: readonly number[];
  readonly count: readonly number[];
  readonly step: readonly number[];
}

export const sliceOp: OpDef<SliceAttrs> = {
  name: 'slice',
  anyDtype: true,
  tolerance: 'exact',
  doc: 'elements start, start + step, ... along each axis; a view, for negative steps too',
  infer: ([x], { start, count, step }) => {
    const fits = x!.shape.every((dim, axis) => {
      const last = start[axis]! + (count[axis]! - 1) * step[axis]!;
      const isInside = (at: number): boolean => Number.isInteger(at) && at >= 0 && at < dim;
      return count[axis] === 0 || (count[axis]! > 0 && step[axis] !== 0 && isInside(start[axis]!) && isInside(last));
    });
    if (!fits || count.length !== x!.shape.length) {
      throw new ToolError('shape', {
        op: 'slice',
        expected: `elements of ${formatShape(x!.shape)}`,
        got: `${formatShape(count)} of them from ${formatShape(start)} in steps of ${formatShape(step)}`,
      });
    }
    return [{ shape: count, dtype: x!.dtype }];
  },
  run: ([x], [out], { start, count, step }) => [
    x!.view(
      out!.shape,
      x!.strides.map((stride, axis) => stride * step[axis]!),
      // An empty view may start behind the last element: it stays where it is.
      count.includes(0) ? x!.offset : x!.strides.reduce((at, stride, axis) => at + stride * start[axis]!, x!.offset),
    ),
  ],
  reference: ([x], { start, count, step }) => [
    fromIndex(count, x!.dtype, (index) =>
      elementAt(
        x!,
        index.map((i, axis) => start[axis]! + i * step[axis]!),
      ),
    ),
  ],
  samples: () => [
    { name: 'rows', inputs: [normalArray(56, [6, 4])], attrs: { start: [1, 0], count: [3, 4], step: [1, 1] } },
    { name: 'columns', inputs: [normalArray(57, [6, 5])], attrs: { start: [0, 2], count: [6, 3], step: [1, 1] } },
    { name: 'nothing', inputs: [normalArray(58, [6, 5])], attrs: { start: [0, 2], count: [6, 0], step: [1, 1] } },
    { name: 'steps', inputs: [normalArray(58, [7, 9])], attrs: { start: [1, 0], count: [2, 3], step: [3, 4] } },
    { name: 'backwards', inputs: [normalArray(58, [4, 6])], attrs: { start: [3, 5], count: [4, 3], step: [-1, -2] } },
    { name: 'a scalar', inputs: [normalArray(58, [])], attrs: { start: [], count: [], step: [] } },
  ],
  errors: () => [
    {
      name: 'past the end',
      inputs: [{ shape: [4], dtype: 'f32' }],
      attrs: { start: [1], count: [4], step: [1] },
      code: 'shape',
    },
    {
      name: 'before the beginning',
      inputs: [{ shape: [4], dtype: 'f32' }],
      attrs: { start: [1], count: [3], step: [-1] },
      code: 'shape',
    },
    {
      name: 'a step of 0',
      inputs: [{ shape: [4], dtype: 'f32' }],
      attrs: { start: [1], count: [3], step: [0] },
      code: 'shape',
    },
  ],
  fuzz: (draw) => {
    const shape = draw.shape(draw.below(5), 500);
    const ranges = shape.map((dim) => {
      const step = draw.of([1, 1, 2, 3, -1, -2]);
      return { ...sliceRange(dim, draw.between(-dim, dim), draw.between(-dim, dim), step), step };
    });
    return {
      name: JSON.stringify(ranges),
      inputs: [draw.normals(shape)],
      attrs: {
        start: ranges.map(({ start }) => start),
        count: ranges.map(({ count }) => count),
        step: ranges.map(({ step }) => step),
      },
    };
  },
};

/** NumPy's `start:end:step` over `size` elements: negative bounds count from the end, bounds outside are cut. */
function sliceRange(
  size: number,
  start: number | undefined,
  end: number | undefined,
  step: number,
): { start: number; count: number } {
  if (step === 0 || ![start ?? 0, end ?? 0, step].every(Number.isInteger)) {
    throw new ToolError('shape', {
      op: 'slice',
      expected: 'whole bounds and a step other than 0',
      got: `${start}:${end}:${step}`,
    });
  }
  const [lowest, highest] = step > 0 ? [0, size] : [-1, size - 1];
  const resolve = (bound: number): number => Math.min(highest, Math.max(lowest, bound < 0 ? bound + size : bound));
  const first = start === undefined ? (step > 0 ? lowest : highest) : resolve(start);
  const stop = end === undefined ? (step > 0 ? highest : lowest) : resolve(end);
  const count = Math.max(0, Math.ceil((stop - first) / step));
  return { start: count === 0 ? 0 : first, count };
}

/**
 * Elements start, start + step, ... before `end` along `axis`, as NumPy's `x[start:end:step]`: negative bounds count
 * from the end, bounds outside are cut, and a bound left out is the first or last element in the step's direction.
 * A view. Throws ToolError 'shape' for a step of 0 or fractions.
 */
export function slice(x: Tensor, axis: number, start?: number, end?: number, step = 1): Tensor {
  const resolved = normalizeAxis('slice', axis, x.rank);
  const range = sliceRange(x.shape[resolved]!, start, end, step);
  return stridedSlice(x, {
    start: x.shape.map((_, i) => (i === resolved ? range.start : 0)),
    count: x.shape.map((dim, i) => (i === resolved ? range.count : dim)),
    step: x.shape.map((_, i) => (i === resolved ? step : 1)),
  });
}

/** A slice along every axis at once, from bounds that are resolved already. A view. */
export function stridedSlice(x: Tensor, attrs: SliceAttrs): Tensor {
  return applyOp(sliceOp, [x], attrs)[0]!;
}

/** The elements along the given axes in reverse order, by default along all. A view. */
export function flip(x: Tensor, axes: readonly number[] = x.shape.map((_, axis) => axis)): Tensor {
  const flipped = new Set(axes.map((axis) => normalizeAxis('flip', axis, x.rank)));
  return stridedSlice(x, {
    start: x.shape.map((dim, axis) => (flipped.has(axis) ? Math.max(0, dim - 1) : 0)),
    count: x.shape,
    step: x.shape.map((_, axis) => (flipped.has(axis) ? -1 : 1)),
  });
}

/** One index along an axis, which is dropped; a negative index counts from the end. A view. */
export function select(x: Tensor, axis: number, index: number): Tensor {
  const resolved = normalizeAxis('select', axis, x.rank);
  const dim = x.shape[resolved]!;
  const at = index < 0 ? index + dim : index;
  if (!Number.isInteger(index) || at < 0 || at >= dim) {
    throw new ToolError('shape', {
      op: 'select',
      expected: `an index in [${-dim}, ${dim}) along axis ${resolved} of ${formatShape(x.shape)}`,
      got: String(index),
    });
  }
  return reshape(
    slice(x, resolved, at, at + 1),
    x.shape.filter((_, i) => i !== resolved),
  );
}
