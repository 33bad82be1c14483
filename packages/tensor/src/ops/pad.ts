import { ToolError } from '../errors.ts';
import { planPad } from '../kernels/pad.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { concat } from './concat.ts';
import { elementAt, fromIndex } from './index-reference.ts';
import { launchMove } from './launch-move.ts';
import { normalArray } from './reference.ts';
import { slice } from './slice.ts';
import { expand } from './view.ts';

/** Where the elements of x stand in the output. */
export interface PadAttrs {
  /** For every axis: where element 0 of x stands in the output, how far apart its elements stand, and the size. */
  readonly low: readonly number[];
  readonly step: readonly number[];
  readonly size: readonly number[];
  /** What stands everywhere else. */
  readonly value: number;
}

export const padOp: OpDef<PadAttrs> = {
  name: 'pad',
  anyDtype: true,
  tolerance: 'exact',
  doc: 'places x at low, low + step, ... of larger axes that are filled with a value; undoes slice',
  infer: ([x], { low, step, size }) => {
    const fits = x!.shape.every((dim, axis) => {
      const isInside = (at: number): boolean => Number.isInteger(at) && at >= 0 && at < size[axis]!;
      return (
        step[axis] !== 0 &&
        (dim === 0 ? size[axis]! >= 0 : isInside(low[axis]!) && isInside(low[axis]! + (dim - 1) * step[axis]!))
      );
    });
    if (!fits || size.length !== x!.shape.length) {
      throw new ToolError('shape', {
        op: 'pad',
        expected: `room for ${formatShape(x!.shape)} in ${formatShape(size)}`,
        got: `from ${formatShape(low)} in steps of ${formatShape(step)}`,
      });
    }
    return [{ shape: size, dtype: x!.dtype }];
  },
  run: ([x], [out], { low, step, size, value }) => {
    // A negative step is a positive one over the elements in reverse order.
    const isReversed = step.map((by, axis) => by < 0 && x!.shape[axis]! > 0);
    const last = (axis: number): number => x!.shape[axis]! - 1;
    const source = {
      dtype: x!.dtype,
      shape: x!.shape,
      strides: x!.strides.map((stride, axis) => (isReversed[axis] ? -stride : stride)),
      offset: x!.strides.reduce((at, stride, axis) => at + (isReversed[axis] ? last(axis) * stride : 0), x!.offset),
    };
    const attrs = {
      low: low.map((at, axis) => (isReversed[axis] ? at + last(axis) * step[axis]! : at)),
      step: step.map(Math.abs),
      size,
      value,
    };
    return [launchMove(() => planPad(source, attrs), [x!], out!, 'tensor/pad')];
  },
  reference: ([x], { low, step, size, value }) => [
    fromIndex(size, x!.dtype, (index) => {
      const from = index.map((i, axis) => (i - low[axis]!) / step[axis]!);
      const isInside = from.every((i, axis) => Number.isInteger(i) && i >= 0 && i < x!.shape[axis]!);
      return isInside ? elementAt(x!, from) : value;
    }),
  ],
  samples: () => [
    {
      name: 'rows',
      inputs: [normalArray(151, [3, 4])],
      attrs: { low: [2, 0], step: [1, 1], size: [7, 4], value: 0 },
    },
    {
      name: 'columns and rows, with a value',
      inputs: [normalArray(152, [2, 3, 5])],
      attrs: { low: [0, 0, 2], step: [1, 1, 1], size: [2, 4, 8], value: 1 },
    },
    {
      name: 'nothing',
      inputs: [normalArray(153, [2, 0])],
      attrs: { low: [0, 1], step: [1, 1], size: [2, 3], value: 0 },
    },
    {
      name: 'steps',
      inputs: [normalArray(154, [3, 4])],
      attrs: { low: [1, 9], step: [2, -3], size: [7, 12], value: 0 },
    },
    {
      name: 'aligned',
      inputs: [normalArray(155, [3, 16])],
      attrs: { low: [1, 8], step: [1, 1], size: [5, 32], value: 0 },
    },
    { name: 'a scalar', inputs: [normalArray(156, [])], attrs: { low: [], step: [], size: [], value: 0 } },
  ],
  errors: () => [
    {
      name: 'no room',
      inputs: [{ shape: [3], dtype: 'f32' }],
      attrs: { low: [2], step: [1], size: [4], value: 0 },
      code: 'shape',
    },
    {
      name: 'before the beginning',
      inputs: [{ shape: [3], dtype: 'f32' }],
      attrs: { low: [1], step: [-1], size: [4], value: 0 },
      code: 'shape',
    },
  ],
  fuzz: (draw) => {
    const shape = draw.shape(draw.between(1, 4), 100);
    const axes = shape.map((dim) => {
      const step = draw.of([1, 1, 1, 2, 3, -1, -2]);
      const span = Math.max(0, dim - 1) * Math.abs(step);
      const [before, after] = [draw.of([0, 0, 1, 4]), draw.of([0, 0, 1, 4])];
      return { step, low: before + (step < 0 ? span : 0), size: before + span + (dim > 0 ? 1 : 0) + after };
    });
    return {
      name: JSON.stringify(axes),
      inputs: [draw.normals(shape)],
      attrs: {
        low: axes.map(({ low }) => low),
        step: axes.map(({ step }) => step),
        size: axes.map(({ size }) => size),
        value: draw.below(2),
      },
    };
  },
};

/** x in a larger tensor that is filled with a value, its elements apart by steps if wanted: what undoes a slice. */
export function place(x: Tensor, attrs: PadAttrs): Tensor {
  return applyOp(padOp, [x], attrs)[0]!;
}

/** Where padding gets its values: one value, the nearest element, or the elements mirrored or repeated. */
export type PadMode = 'constant' | 'edge' | 'reflect' | 'wrap';

/** What `pad` puts around x. */
export interface PadOptions {
  /** As in NumPy; `reflect` mirrors without repeating the outermost element. Default 'constant'. */
  readonly mode?: PadMode;
  /** For 'constant'. Default 0. */
  readonly value?: number;
}

/**
 * Adds elements before and after each axis, as NumPy's `pad`. Throws ToolError 'shape' where `reflect` or `wrap` would
 * need more elements than there are.
 *
 * @param widths [before, after] of every axis.
 */
export function pad(x: Tensor, widths: readonly (readonly [number, number])[], options: PadOptions = {}): Tensor {
  const { mode = 'constant', value = 0 } = options;
  const isWidth = (width: number): boolean => Number.isInteger(width) && width >= 0;
  if (widths.length !== x.rank || !widths.every(([before, after]) => isWidth(before) && isWidth(after))) {
    throw new ToolError('shape', {
      op: 'pad',
      expected: `[before, after] for each axis of ${formatShape(x.shape)}, whole and not negative`,
      got: JSON.stringify(widths),
    });
  }
  if (mode !== 'constant') return widths.reduce((y, width, axis) => padAxis(y, axis, width, mode), x);
  return place(x, {
    low: widths.map(([before]) => before),
    step: widths.map(() => 1),
    size: x.shape.map((dim, axis) => dim + widths[axis]![0] + widths[axis]![1]),
    value,
  });
}

function padAxis(
  x: Tensor,
  axis: number,
  [before, after]: readonly [number, number],
  mode: Exclude<PadMode, 'constant'>,
): Tensor {
  if (before === 0 && after === 0) return x;
  const dim = x.shape[axis]!;
  const most = mode === 'edge' ? (dim > 0 ? Number.POSITIVE_INFINITY : 0) : mode === 'wrap' ? dim : dim - 1;
  if (Math.max(before, after) > most) {
    throw new ToolError('shape', {
      op: 'pad',
      expected: `at most ${Math.max(0, most)} elements before and after for '${mode}' of ${dim}, axis ${axis}`,
      got: `${before} and ${after}`,
    });
  }
  const stretched = (edge: Tensor, count: number): Tensor =>
    expand(
      edge,
      x.shape.map((size, i) => (i === axis ? count : size)),
    );
  const parts = {
    edge: () => [stretched(slice(x, axis, 0, 1), before), x, stretched(slice(x, axis, dim - 1, dim), after)],
    // before, ..., 2, 1 | 0, 1, ..., n-1 | n-2, n-3, ...
    reflect: () => [
      slice(x, axis, before, 0, -1),
      x,
      // A negative bound counts from the end, so that it can stand before the first element.
      ...(after > 0 ? [slice(x, axis, dim - 2, -after - 2, -1)] : []),
    ],
    wrap: () => [slice(x, axis, dim - before, dim), x, slice(x, axis, 0, after)],
  }[mode]();
  return concat(
    parts.filter((part) => part.shape[axis]! > 0),
    axis,
  );
}
