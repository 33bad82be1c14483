import { DTYPES, type DType, isFloat, isInteger, promoteNumber } from '../dtype.ts';
import { applyOp, type OpDef } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { orNan } from './nan-test.ts';
import { normalArray, stored } from './reference.ts';

/** The bounds, both included. */
export interface ClampAttrs {
  readonly low: number;
  readonly high: number;
}

/** A fraction as a bound makes floats of integers; an infinite bound is none. */
function resultType(dtype: DType, { low, high }: ClampAttrs): DType {
  return [low, high].filter(Number.isFinite).reduce(promoteNumber, dtype === 'bool' ? 'i32' : dtype);
}

/** The bound nearest to `value` that a parameter of an integer type holds. */
function boundOf(dtype: DType, value: number): number {
  if (dtype === 'i32') return Math.min(Math.max(value, -(2 ** 31)), 2 ** 31 - 1);
  if (dtype === 'u32') return Math.min(Math.max(value, 0), 2 ** 32 - 1);
  return value;
}

const BOUNDED = 'min(max(x0, T(params.low)), T(params.high))';

export const clampOp: OpDef<ClampAttrs> = {
  name: 'clamp',
  doc: 'y = min(max(x, low), high); NaN of NaN; the gradient is 0 outside [low, high]',
  dtypes: DTYPES,
  infer: ([x], attrs) => [{ shape: x!.shape, dtype: resultType(x!.dtype, attrs) }],
  run: ([x], [out], { low, high }) => {
    const { dtype } = out!;
    const expression = {
      name: 'clamp',
      expr: isFloat(dtype) ? orNan(BOUNDED, 'x0') : BOUNDED,
      scalars: ['low', 'high'],
      compute: isInteger(dtype) ? (dtype as 'i32' | 'u32') : ('f32' as const),
    };
    return [launchElementwise(expression, [x!], out!, [boundOf(dtype, low), boundOf(dtype, high)])];
  },
  reference: ([x], attrs) => [
    stored(
      x!.shape,
      x!.data.map((v) => Math.min(Math.max(v, attrs.low), attrs.high)),
      resultType(x!.dtype ?? 'f32', attrs),
    ),
  ],
  samples: () => [
    { name: 'both sides', inputs: [normalArray(34, [8, 9], 2)], attrs: { low: -1, high: 0.5 } },
    { name: 'vec4', inputs: [normalArray(35, [64], 2)], attrs: { low: -0.25, high: 4 } },
    { name: 'whole bounds', inputs: [normalArray(37, [21], 4)], attrs: { low: 2, high: 5 } },
    { name: 'one side', inputs: [normalArray(38, [7, 3], 2)], attrs: { low: -1, high: Number.POSITIVE_INFINITY } },
  ],
  errors: () => [],
  tolerance: 'elementwise',
};

/** min(max(x, low), high); an infinite bound is none. NaN stays NaN. */
export function clamp(x: Tensor, low: number, high: number): Tensor {
  return applyOp(clampOp, [x], { low, high })[0]!;
}
