import { type DType, isFloat } from '../dtype.ts';
import type { AnyOpDef, OpSample } from '../op.ts';
import { asDType } from './round-to-dtype.ts';

const ALL: readonly DType[] = ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'];

/** The element types that an op takes besides those of its index inputs. */
export function dtypesOf(def: AnyOpDef): readonly DType[] {
  return def.dtypes ?? (def.anyDtype === true ? ALL : ['f32']);
}

/**
 * A sample with its f32 inputs in another element type, values rounded to it. Undefined where the sample says nothing
 * about that type: it has no f32 input, or an integer type would leave nothing of its values.
 */
export function inDType(sample: OpSample<unknown>, dtype: DType): OpSample<unknown> | undefined {
  if (dtype === 'f32') return sample;
  const isPlain = (input: { dtype?: DType }): boolean => (input.dtype ?? 'f32') === 'f32';
  if (!sample.inputs.some(isPlain)) return undefined;
  const scale = isFloat(dtype) ? 1 : dtype === 'bool' ? 1 : 10;
  const inputs = sample.inputs.map((input) => {
    if (!isPlain(input)) return input;
    if (dtype === 'bool') return asDType({ ...input, data: input.data.map((value) => (value > 0 ? 1 : 0)) }, dtype);
    const data = dtype === 'u32' ? input.data.map(Math.abs) : input.data;
    return asDType({ ...input, data: data.map((value) => value * scale) }, dtype);
  });
  return { ...sample, name: `${sample.name} in ${dtype}`, inputs };
}
