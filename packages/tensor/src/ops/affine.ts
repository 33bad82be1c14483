import { applyOp, type OpDef } from '../op.ts';
import { type ScalarLike, scalarValue } from '../scalar.ts';
import type { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray } from './reference.ts';

export interface AffineAttrs {
  readonly scale: ScalarLike;
  readonly shift: ScalarLike;
}

export const affineOp: OpDef<AffineAttrs> = {
  name: 'affine',
  doc: 'y = scale * x + shift; the numbers are parameters, so a new value compiles nothing',
  infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
  run: ([x], [out], { scale, shift }) => [
    launchElementwise(
      { name: 'affine', expr: 'params.scale * x0 + params.shift', scalars: ['scale', 'shift'] },
      [x!],
      out!,
      [scale, shift],
    ),
  ],
  reference: ([x], { scale, shift }) => [
    refArray(
      x!.shape,
      x!.data.map((v) => scalarValue(scale) * v + scalarValue(shift)),
    ),
  ],
  samples: () => [
    { name: 'matrix', inputs: [normalArray(31, [6, 10])], attrs: { scale: -1.5, shift: 0.25 } },
    { name: 'scalar', inputs: [normalArray(32, [])], attrs: { scale: 2, shift: 0 } },
    { name: 'empty', inputs: [normalArray(33, [0])], attrs: { scale: 2, shift: 1 } },
  ],
  errors: () => [],
};

/** scale * x + shift. */
export function affine(x: Tensor, scale: ScalarLike, shift: ScalarLike): Tensor {
  return applyOp(affineOp, [x], { scale, shift })[0]!;
}
