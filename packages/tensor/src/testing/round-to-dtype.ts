import { type DType, decodeBf16, decodeF16, encodeBf16, encodeF16, type HostArray } from '../dtype.ts';
import type { RefArray } from '../op.ts';

/** The value of `dtype` that is nearest to a number, as storing it would make of it. */
export function roundToDType(value: number, dtype: DType): number {
  switch (dtype) {
    case 'f32':
      return Math.fround(value);
    case 'f16':
      return decodeF16(encodeF16(value));
    case 'bf16':
      return decodeBf16(encodeBf16(value));
    case 'bool':
      return value === 0 ? 0 : 1;
    case 'i32':
      return Math.trunc(value) | 0;
    case 'u32':
      return Math.trunc(value) >>> 0;
  }
}

/** The same array as `dtype` would hold it. */
export function asDType(array: RefArray, dtype: DType): RefArray {
  return { shape: array.shape, data: array.data.map((value) => roundToDType(value, dtype)), dtype };
}

/** What a readback gave, as numbers: 16-bit floats may come as raw bits. */
export function numbersOf(values: HostArray | Uint8Array, dtype: DType): Float64Array {
  if (dtype === 'f16' && values instanceof Uint16Array) return Float64Array.from(values, decodeF16);
  if (dtype === 'bf16' && values instanceof Uint16Array) return Float64Array.from(values, decodeBf16);
  return Float64Array.from(values);
}
