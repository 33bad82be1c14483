import { planGather } from '../kernels/gather.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { normalizeAxis } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { checkIndices } from './check-indices.ts';
import { fillOf, type GatherAttrs, resolvedIndex, signedIndices } from './gather.ts';
import { type Indices, indexTensor, isIndexType, refuseIndexed } from './index-input.ts';
import { elementAt, fromIndex } from './index-reference.ts';
import { launchMove } from './launch-move.ts';
import { indexArray, normalArray } from './reference.ts';
import { reshape } from './view.ts';

export const indexSelectOp: OpDef<GatherAttrs> = {
  name: 'indexSelect',
  integerInputs: [1],
  anyDtype: true,
  tolerance: 'exact',
  doc: 'y[.., n, ..] = x[.., indices[n], ..]: whole slices of x by index, along an axis',
  infer: ([x, indices], { axis }) => {
    if (!isIndexType(indices!.dtype) || indices!.shape.length !== 1 || x!.shape[axis] === undefined) {
      refuseIndexed('indexSelect', `x with an axis ${axis} and indices i32 or u32 [N]`, [x!, indices!]);
    }
    const count = indices!.shape[0]!;
    return [{ shape: x!.shape.map((dim, i) => (i === axis ? count : dim)), dtype: x!.dtype }];
  },
  run: ([x, indices], [out], { axis, fill }) => {
    checkIndices('indexSelect', indices!, x!.shape[axis]!);
    const plan = () =>
      planGather({
        dtype: x!.dtype,
        shape: out!.shape,
        x: { strides: x!.strides.map((stride, i) => (i === axis ? 0 : stride)), offset: x!.offset },
        index: {
          strides: x!.strides.map((_, i) => (i === axis ? indices!.strides[0]! : 0)),
          offset: indices!.offset,
          isSigned: indices!.dtype === 'i32',
        },
        axisStride: x!.strides[axis]!,
        size: x!.shape[axis]!,
        fill: fillOf(x!.dtype, fill),
      });
    return [launchMove(plan, [x!, indices!], out!, 'tensor/index-select')];
  },
  reference: ([x, indices], { axis, fill }) => [
    fromIndex(
      x!.shape.map((dim, i) => (i === axis ? indices!.data.length : dim)),
      x!.dtype,
      (at) => {
        const row = resolvedIndex(indices!.data[at[axis]!]!, x!.shape[axis]!);
        if (row === undefined) return fillOf(x!.dtype ?? 'f32', fill);
        return elementAt(
          x!,
          at.map((i, d) => (d === axis ? row : i)),
        );
      },
    ),
  ],
  samples: () => [
    { name: 'rows', inputs: [normalArray(211, [5, 8]), indexArray(212, [7], 5)], attrs: { axis: 0 } },
    {
      name: 'columns, from the end',
      inputs: [normalArray(213, [3, 6]), signedIndices(214, [4], 6)],
      attrs: { axis: 1 },
    },
    { name: 'in the middle', inputs: [normalArray(215, [2, 4, 3]), indexArray(216, [5], 4)], attrs: { axis: 1 } },
    { name: 'nothing', inputs: [normalArray(217, [2, 4]), indexArray(218, [0], 4)], attrs: { axis: 0 } },
  ],
  errors: () => [
    {
      name: 'indices of floats',
      inputs: [
        { shape: [2, 3], dtype: 'f32' },
        { shape: [2], dtype: 'f32' },
      ],
      attrs: { axis: 1 },
      code: 'shape',
    },
  ],
  fuzz: (draw) => {
    const shape = draw.shape(draw.between(1, 4), 300, true);
    const axis = draw.below(shape.length);
    const indices = draw.integers([draw.size(40)], 0, shape[axis]! - 1);
    return { name: `[${shape}] along ${axis}`, inputs: [draw.normals(shape), indices], attrs: { axis } };
  },
};

/**
 * Whole slices of x by index along an axis, as NumPy's `take`: the axis is replaced by the dimensions of the indices.
 * Negative indices count from the end. Indices given as numbers are checked; of a tensor, an index that names no
 * element gives NaN, or 0 for integers and bools, or `fill`, and `setDebug({ checkIndices: true })` reports it.
 *
 * @param indices i32 or u32 of any shape, or a list of numbers.
 */
export function indexSelect(x: Tensor, axis: number, indices: Indices, fill?: number): Tensor {
  const resolved = normalizeAxis('indexSelect', axis, x.rank);
  const index = indexTensor('indexSelect', x.device, indices, x.shape[resolved]!);
  const attrs = { axis: resolved, ...(fill === undefined ? {} : { fill }) };
  if (index.rank === 1) return applyOp(indexSelectOp, [x, index], attrs)[0]!;
  const flat = applyOp(indexSelectOp, [x, reshape(index, [index.size])], attrs)[0]!;
  return reshape(flat, [...x.shape.slice(0, resolved), ...index.shape, ...x.shape.slice(resolved + 1)]);
}
