import { DTYPES, type DType, isFloat, isInteger, promoteNumber } from '../dtype.ts';
import { applyOp, type OpDef } from '../op.ts';
import { type ScalarLike, scalarValue } from '../scalar.ts';
import type { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, stored } from './reference.ts';

/** y = scale x + shift. */
export interface AffineAttrs {
  readonly scale: ScalarLike;
  readonly shift: ScalarLike;
}

/** Integers stay integers under whole numbers; a cell may come to hold a fraction. */
function resultType(dtype: DType, { scale, shift }: AffineAttrs): DType {
  if (isFloat(dtype)) return dtype;
  if (typeof scale !== 'number' || typeof shift !== 'number') return 'f32';
  return promoteNumber(promoteNumber(dtype, scale), shift);
}

export const affineOp: OpDef<AffineAttrs> = {
  name: 'affine',
  doc: 'y = scale * x + shift; the numbers are parameters, so a new value compiles nothing',
  dtypes: DTYPES,
  infer: ([x], attrs) => [{ shape: x!.shape, dtype: resultType(x!.dtype, attrs) }],
  run: ([x], [out], { scale, shift }) => [
    launchElementwise(
      {
        name: 'affine',
        expr: 'params.scale * x0 + params.shift',
        scalars: ['scale', 'shift'],
        compute: isInteger(out!.dtype) ? (out!.dtype as 'i32' | 'u32') : 'f32',
      },
      [x!],
      out!,
      [scale, shift],
    ),
  ],
  reference: ([x], attrs) => {
    const [scale, shift] = [scalarValue(attrs.scale), scalarValue(attrs.shift)];
    return [
      stored(
        x!.shape,
        x!.data.map((v) => scale * v + shift),
        resultType(x!.dtype ?? 'f32', attrs),
      ),
    ];
  },
  samples: () => [
    { name: 'matrix', inputs: [normalArray(31, [6, 10])], attrs: { scale: -1.5, shift: 0.25 } },
    { name: 'whole numbers', inputs: [normalArray(36, [4, 4])], attrs: { scale: -3, shift: 7 } },
    { name: 'scalar', inputs: [normalArray(32, [])], attrs: { scale: 2, shift: 0 } },
    { name: 'empty', inputs: [normalArray(33, [0])], attrs: { scale: 2, shift: 1 } },
  ],
  errors: () => [],
  tolerance: 'elementwise',
};

/** scale x + shift. Whole numbers leave integers integers; fractions make f32 of them. */
export function affine(x: Tensor, scale: ScalarLike, shift: ScalarLike): Tensor {
  return applyOp(affineOp, [x], { scale, shift })[0]!;
}
