import { type DType, isFloat } from '../dtype.ts';
import { planGather } from '../kernels/gather.wgsl.ts';
import { applyOp, type OpDef, type RefArray } from '../op.ts';
import { broadcastShapes, normalizeAxis, sameShape } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkIndices } from './check-indices.ts';
import { isIndexType, refuseIndexed } from './index-input.ts';
import { elementAt, fromIndex } from './index-reference.ts';
import { launchMove } from './launch-move.ts';
import { indexArray, normalArray } from './reference.ts';
import { expand } from './view.ts';

/** The axis that indices count along. */
export interface GatherAttrs {
  readonly axis: number;
  /** What stands where an index names no element. Default NaN, or 0 for integers and bools. */
  readonly fill?: number;
}

/** What ops that read by index give where an index names no element. */
export function fillOf(dtype: DType, fill: number | undefined): number {
  return fill ?? (isFloat(dtype) ? Number.NaN : 0);
}

/** The position that an index of a host array names; undefined where it names none. */
export function resolvedIndex(value: number, size: number): number | undefined {
  const resolved = value < 0 ? value + size : value;
  return resolved >= 0 && resolved < size ? resolved : undefined;
}

export const gatherOp: OpDef<GatherAttrs> = {
  name: 'gather',
  integerInputs: [1],
  anyDtype: true,
  tolerance: 'exact',
  doc: 'y[.., i, ..] = x[.., index[.., i, ..], ..]: one element a place of the index, along an axis',
  infer: ([x, index], { axis }) => {
    const fits =
      isIndexType(index!.dtype) &&
      x!.shape[axis] !== undefined &&
      index!.shape.length === x!.shape.length &&
      index!.shape.every((dim, i) => i === axis || dim === x!.shape[i]);
    if (!fits) {
      refuseIndexed('gather', `x and an index i32 or u32 of its sizes except along axis ${axis}`, [x!, index!]);
    }
    return [{ shape: index!.shape, dtype: x!.dtype }];
  },
  run: ([x, index], [out], { axis, fill }) => {
    checkIndices('gather', index!, x!.shape[axis]!);
    const plan = () =>
      planGather({
        dtype: x!.dtype,
        shape: out!.shape,
        x: { strides: x!.strides.map((stride, i) => (i === axis ? 0 : stride)), offset: x!.offset },
        index: { strides: index!.strides, offset: index!.offset, isSigned: index!.dtype === 'i32' },
        axisStride: x!.strides[axis]!,
        size: x!.shape[axis]!,
        fill: fillOf(x!.dtype, fill),
      });
    return [launchMove(plan, [x!, index!], out!, 'tensor/gather')];
  },
  reference: ([x, index], { axis, fill }) => [
    fromIndex(index!.shape, x!.dtype, (at) => {
      const row = resolvedIndex(elementAt(index!, at), x!.shape[axis]!);
      if (row === undefined) return fillOf(x!.dtype ?? 'f32', fill);
      return elementAt(
        x!,
        at.map((i, d) => (d === axis ? row : i)),
      );
    }),
  ],
  samples: () => [
    { name: 'one of each row', inputs: [normalArray(201, [5, 7]), indexArray(202, [5, 1], 7)], attrs: { axis: 1 } },
    { name: 'more than there are', inputs: [normalArray(203, [3, 4]), indexArray(204, [9, 4], 3)], attrs: { axis: 0 } },
    {
      name: 'in the middle, from the end',
      inputs: [normalArray(205, [2, 5, 3]), signedIndices(206, [2, 4, 3], 5)],
      attrs: { axis: 1 },
    },
    { name: 'nothing', inputs: [normalArray(207, [2, 5]), indexArray(208, [2, 0], 5)], attrs: { axis: 1 } },
  ],
  errors: () => [
    {
      name: 'an index of floats',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [2, 3], dtype: 'f32' },
      ],
      attrs: { axis: 1 },
      code: 'shape',
    },
    {
      name: 'other sizes differ',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [4, 3], dtype: 'u32' },
      ],
      attrs: { axis: 1 },
      code: 'shape',
    },
  ],
  fuzz: (draw) => {
    const shape = draw.shape(draw.between(1, 4), 300, true);
    const axis = draw.below(shape.length);
    const size = shape[axis]!;
    const picks = shape.map((dim, i) => (i === axis ? draw.size(40) : dim));
    const index = draw.oneIn(2) ? draw.integers(picks, 0, size - 1) : draw.integers(picks, -size, size - 1, 'i32');
    return { name: `[${shape}] by [${picks}]`, inputs: [draw.normals(shape), index], attrs: { axis } };
  },
};

/** Indices in [-bound, bound) as an i32 array, a pure function of `seed`. */
export function signedIndices(seed: number, shape: readonly number[], bound: number): RefArray {
  const { data } = indexArray(seed, shape, 2 * bound);
  return { shape, data: data.map((value) => value - bound), dtype: 'i32' };
}

/**
 * Picks along an axis with an index for every place, as NumPy's `take_along_axis`: the other dimensions of x and of the
 * index broadcast together. Negative i32 indices count from the end. An index that names no element gives NaN, or 0
 * for integers and bools, or `fill`; `setDebug({ checkIndices: true })` reports it.
 *
 * @param index i32 or u32, of x's rank.
 */
export function gather(x: Tensor, axis: number, index: Tensor, fill?: number): Tensor {
  const resolved = normalizeAxis('gather', axis, x.rank);
  const attrs = { axis: resolved, ...(fill === undefined ? {} : { fill }) };
  if (index.rank !== x.rank) return applyOp(gatherOp, [x, index], attrs)[0]!;
  const alone = (tensor: Tensor): number[] => tensor.shape.map((dim, i) => (i === resolved ? 1 : dim));
  const others = broadcastShapes('gather', alone(x), alone(index));
  const widened = (tensor: Tensor): Tensor => {
    const shape = others.map((dim, i) => (i === resolved ? tensor.shape[i]! : dim));
    return sameShape(shape, tensor.shape) ? tensor : expand(tensor, shape);
  };
  return applyOp(gatherOp, [widened(x), widened(index)], attrs)[0]!;
}
