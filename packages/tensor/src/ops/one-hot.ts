import type { DType } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import { planOneHot } from '../kernels/one-hot.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import { formatShape, normalizeAxis } from '../shape.ts';
import type { Tensor } from '../tensor.ts';
import { isIndexType } from './index-input.ts';
import { elementAt, fromIndex } from './index-reference.ts';
import { launchMove } from './launch-move.ts';
import { indexArray, refArray } from './reference.ts';
import { permute } from './view.ts';

/** The size of the new last axis, and the element type. */
export interface OneHotAttrs {
  readonly depth: number;
  readonly dtype: DType;
}

export const oneHotOp: OpDef<OneHotAttrs> = {
  name: 'oneHot',
  integerInputs: [0],
  tolerance: 'exact',
  nonDifferentiable: 'its input is an index',
  doc: 'y[.., d] = 1 where index[..] = d, else 0; an index outside [0, depth) gives zeros',
  infer: ([index], { depth, dtype }) => {
    if (!isIndexType(index!.dtype) || !Number.isInteger(depth) || depth < 0) {
      throw new ToolError('shape', {
        op: 'oneHot',
        expected: 'an index i32 or u32 and a whole depth',
        got: `${index!.dtype} ${formatShape(index!.shape)} and ${depth}`,
      });
    }
    return [{ shape: [...index!.shape, depth], dtype }];
  },
  run: ([index], [out], { depth, dtype }) => [
    launchMove(() => planOneHot(dtype, index!, depth), [index!], out!, 'tensor/one-hot'),
  ],
  reference: ([index], { depth, dtype }) => [
    fromIndex([...index!.shape, depth], dtype, (at) =>
      elementAt(index!, at.slice(0, -1)) === at[at.length - 1] ? 1 : 0,
    ),
  ],
  samples: () => [
    { name: 'rows', inputs: [indexArray(281, [7], 5)], attrs: { depth: 5, dtype: 'f32' } },
    { name: 'halves of a matrix', inputs: [indexArray(282, [3, 5], 7)], attrs: { depth: 7, dtype: 'f16' } },
    { name: 'bools, some outside', inputs: [indexArray(283, [3, 4], 9)], attrs: { depth: 4, dtype: 'bool' } },
    { name: 'signed', inputs: [refArray([4], [0, -1, 2, 3], 'i32')], attrs: { depth: 3, dtype: 'i32' } },
    { name: 'a scalar', inputs: [indexArray(284, [], 4)], attrs: { depth: 4, dtype: 'bf16' } },
    { name: 'nothing', inputs: [indexArray(285, [0], 4)], attrs: { depth: 4, dtype: 'u32' } },
  ],
  errors: () => [
    {
      name: 'an index of floats',
      inputs: [{ shape: [4], dtype: 'f32' }],
      attrs: { depth: 4, dtype: 'f32' },
      code: 'shape',
    },
    {
      name: 'a fraction',
      inputs: [{ shape: [4], dtype: 'u32' }],
      attrs: { depth: 4.5, dtype: 'f32' },
      code: 'shape',
    },
  ],
};

/**
 * 1 where the index says, else 0, along a new dimension of size `depth` that stands at `axis` of the result (default
 * last). An index outside [0, depth), negative ones included, gives zeros.
 */
export function oneHot(
  index: Tensor,
  depth: number,
  options: { readonly dtype?: DType; readonly axis?: number } = {},
): Tensor {
  const y = applyOp(oneHotOp, [index], { depth, dtype: options.dtype ?? 'f32' })[0]!;
  const axis = normalizeAxis('oneHot', options.axis ?? -1, y.rank);
  if (axis === y.rank - 1) return y;
  const axes = index.shape.map((_, i) => i);
  axes.splice(axis, 0, y.rank - 1);
  return permute(y, axes);
}
