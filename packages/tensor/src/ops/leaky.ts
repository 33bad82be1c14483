import { DTYPES, type DType, isFloat } from '../dtype.ts';
import { mathFunctions } from '../kernels/lib/math.wgsl.ts';
import { applyOp, type OpDef, type RefArray } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray, stored } from './reference.ts';

const floatOf = (dtype: DType): DType => (isFloat(dtype) ? dtype : 'f32');

/** Standard normal values that keep away from the kink at 0. */
function kinked(seed: number, shape: readonly number[]): RefArray {
  return refArray(
    shape,
    normalArray(seed, shape).data.map((x) => Math.fround(x + Math.sign(x) * 0.05)),
  );
}

/** The slope below 0. */
export interface LeakyReluAttrs {
  readonly slope: number;
}

export const leakyReluOp: OpDef<LeakyReluAttrs> = {
  name: 'leakyRelu',
  doc: 'y = x from 0 on, slope x below; NaN of NaN',
  dtypes: DTYPES,
  infer: ([x]) => [{ shape: x!.shape, dtype: floatOf(x!.dtype) }],
  run: ([x], [out], { slope }) => [
    launchElementwise(
      {
        name: 'leakyRelu',
        expr: 'select(x0, T(params.slope) * x0, x0 < T(0.0))',
        scalars: ['slope'],
        compute: 'f32',
      },
      [x!],
      out!,
      [slope],
    ),
  ],
  reference: ([x], { slope }) => [
    stored(
      x!.shape,
      x!.data.map((v) => (v < 0 ? slope * v : v)),
      floatOf(x!.dtype ?? 'f32'),
    ),
  ],
  samples: () => [
    { name: 'matrix', inputs: [kinked(71, [5, 9])], attrs: { slope: 0.01 } },
    { name: 'fours', inputs: [kinked(72, [32])], attrs: { slope: 0.25 } },
  ],
  errors: () => [],
  tolerance: 'elementwise',
};

/** The limit -alpha for x to -Infinity. */
export interface EluAttrs {
  readonly alpha: number;
}

export const eluOp: OpDef<EluAttrs> = {
  name: 'elu',
  doc: 'y = x above 0, alpha (e^x - 1) below (Clevert et al., "Exponential linear units", 2015); NaN of NaN',
  dtypes: DTYPES,
  infer: ([x]) => [{ shape: x!.shape, dtype: floatOf(x!.dtype) }],
  run: ([x], [out], { alpha }) => [
    launchElementwise(
      {
        name: 'elu',
        expr: 'select(x0, T(params.alpha) * EACH(expm1_f32, x0), x0 < T(0.0))',
        functions: mathFunctions('expm1_f32'),
        scalars: ['alpha'],
        compute: 'f32',
      },
      [x!],
      out!,
      [alpha],
    ),
  ],
  reference: ([x], { alpha }) => [
    stored(
      x!.shape,
      x!.data.map((v) => (v < 0 ? alpha * Math.expm1(v) : v)),
      floatOf(x!.dtype ?? 'f32'),
    ),
  ],
  samples: () => [
    { name: 'matrix', inputs: [kinked(73, [5, 9])], attrs: { alpha: 1 } },
    { name: 'fours', inputs: [kinked(74, [32])], attrs: { alpha: 0.5 } },
  ],
  errors: () => [],
};

/** x from 0 on, `slope` x below. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return applyOp(leakyReluOp, [x], { slope })[0]!;
}

/** x above 0, alpha (e^x - 1) below. */
export function elu(x: Tensor, alpha = 1): Tensor {
  return applyOp(eluOp, [x], { alpha })[0]!;
}
