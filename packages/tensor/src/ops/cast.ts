import { DTYPES, type DType, isFloat, isInteger } from '../dtype.ts';
import type { ElementwiseExpression } from '../kernels/elementwise-expression.ts';
import { valueType } from '../kernels/lib/element.wgsl.ts';
import { applyOp, type OpDef } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { isNanText } from './nan-test.ts';
import { normalArray, refArray, stored } from './reference.ts';

/** The element type of the result. */
export interface CastAttrs {
  readonly dtype: DType;
}

const RANGE = { i32: [-(2 ** 31), 2 ** 31 - 1], u32: [0, 2 ** 32 - 1] } as const;

/** What the device makes of a value. */
function converted(value: number, from: DType, to: DType): number {
  if (to === 'bool') return value === 0 ? 0 : 1;
  if (isFloat(from) && isInteger(to)) {
    const [low, high] = RANGE[to as 'i32' | 'u32'];
    return Number.isNaN(value) ? 0 : Math.min(Math.max(Math.trunc(value), low), high);
  }
  return value;
}

/** WGSL's own conversion stops at the largest float below the end of the type, and leaves NaN open. */
function toInteger(dtype: 'i32' | 'u32'): ElementwiseExpression {
  const type = dtype === 'i32' ? 'TI' : 'TU';
  const most = dtype === 'i32' ? '2147483647' : '4294967295u';
  const limit = dtype === 'i32' ? '2147483648.0' : '4294967296.0';
  const held = `select(${type}(x0), ${type}(${most}), x0 >= T(${limit}))`;
  return {
    name: `cast/${dtype}`,
    expr: `select(${held}, ${type}(0), ${isNanText('x0')})`,
    compute: 'f32',
    result: dtype,
  };
}

export const castOp: OpDef<CastAttrs> = {
  name: 'cast',
  doc: 'the same values as another element type',
  dtypes: DTYPES,
  infer: ([x], { dtype }) => [{ shape: x!.shape, dtype }],
  run: ([x], [out], { dtype }) => {
    if (x!.dtype === dtype) return [x!.view(x!.shape, x!.strides, x!.offset)];
    const expression =
      isFloat(x!.dtype) && isInteger(dtype)
        ? toInteger(dtype as 'i32' | 'u32')
        : { name: 'cast', expr: 'x0', compute: valueType(x!.dtype) };
    return [launchElementwise(expression, [x!], out!)];
  },
  reference: ([x], { dtype }) => {
    const from = x!.dtype ?? 'f32';
    return [
      stored(
        x!.shape,
        x!.data.map((value) => converted(value, from, dtype)),
        dtype,
      ),
    ];
  },
  samples: () => [
    ...DTYPES.map((dtype) => ({
      name: `to ${dtype}`,
      inputs: [normalArray(81, [5, 9], 3)],
      attrs: { dtype },
      ...(isFloat(dtype) ? {} : { constant: [0] }),
    })),
    { name: 'fours to f16', inputs: [normalArray(82, [64], 100)], attrs: { dtype: 'f16' as const } },
    {
      name: 'out of range to i32',
      inputs: [refArray([4], [3e9, -3e9, 2 ** 31, -0.5].map(Math.fround))],
      attrs: { dtype: 'i32' as const },
      constant: [0],
    },
    {
      name: 'out of range to u32',
      inputs: [refArray([4], [5e9, -3e9, 2 ** 32, 0.5].map(Math.fround))],
      attrs: { dtype: 'u32' as const },
      constant: [0],
    },
    { name: 'empty', inputs: [normalArray(83, [0, 3])], attrs: { dtype: 'bf16' as const } },
  ],
  errors: () => [],
  // Rounding to what is stored is all that it does, and the tests compare what is stored.
  tolerance: 'exact',
};

/**
 * The values of x as `dtype`. 16-bit floats round to the nearest even; floats become integers by truncation
 * towards 0, held to the ends of the type, NaN becomes 0; i32 and u32 keep their bits; all but 0 is true.
 * Of its own type x comes back as a view.
 */
export function cast(x: Tensor, dtype: DType): Tensor {
  return applyOp(castOp, [x], { dtype })[0]!;
}
