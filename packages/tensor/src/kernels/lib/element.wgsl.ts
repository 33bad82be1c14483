import type { DType } from '../../dtype.ts';

/*
 * How kernels read and write the elements of a tensor. 16-bit floats are stored two to a u32 word, the
 * even element in the low half, so that they need no feature of the adapter; a bool is a u32 of 0 or 1.
 * bf16 is the upper half of an f32: reading is a shift, writing rounds to the nearest even. f16 is written
 * with integers, since pack2x16float of a value outside f16's range is undefined.
 * Source: F. Giesen, "float->half variants" (round to nearest even, public domain).
 */

/** The WGSL types that elements are computed in. */
export type ValueType = 'f32' | 'i32' | 'u32' | 'bool';

/** The WGSL type that elements of `dtype` are computed in. */
export function valueType(dtype: DType): ValueType {
  return dtype === 'f16' || dtype === 'bf16' ? 'f32' : dtype;
}

/** The WGSL element type of the storage array. */
export function storageType(dtype: DType): 'f32' | 'i32' | 'u32' {
  return dtype === 'f32' || dtype === 'i32' ? dtype : 'u32';
}

/** True for types whose elements share 32-bit words. */
export function isPacked(dtype: DType): boolean {
  return dtype === 'f16' || dtype === 'bf16';
}

/** WGSL expression: element `index` (a u32 expression) of the array `name`, as `valueType`. */
export function loadElement(name: string, dtype: DType, index: string): string {
  switch (dtype) {
    case 'f16':
      return `unpack2x16float(${name}[(${index}) >> 1u])[(${index}) & 1u]`;
    case 'bf16':
      return `bitcast<f32>((${name}[(${index}) >> 1u] >> (((${index}) & 1u) << 4u)) << 16u)`;
    case 'bool':
      return `(${name}[${index}] != 0u)`;
    default:
      return `${name}[${index}]`;
  }
}

/** WGSL expression: the two f32 elements of word `index` of a packed array, as vec2f. */
export function loadPair(name: string, dtype: 'f16' | 'bf16', index: string): string {
  return dtype === 'f16'
    ? `unpack2x16float(${name}[${index}])`
    : `bitcast<vec2f>(vec2u(${name}[${index}] << 16u, ${name}[${index}] & 0xffff0000u))`;
}

/** WGSL expression: the word that holds two f32 expressions as packed elements. Needs `packFunctions(dtype)`. */
export function packPair(dtype: 'f16' | 'bf16', low: string, high: string): string {
  return `(bits_of_${dtype}(${low}) | (bits_of_${dtype}(${high}) << 16u))`;
}

/** WGSL functions that `packPair` calls. */
export function packFunctions(dtype: 'f16' | 'bf16'): string {
  return dtype === 'f16' ? BITS_OF_F16 : BITS_OF_BF16;
}

const BITS_OF_BF16 = `
fn bits_of_bf16(x: f32) -> u32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0x7fc0u; }
  return (bits + 0x7fffu + ((bits >> 16u) & 1u)) >> 16u;
}
`;

const BITS_OF_F16 = `
fn bits_of_f16(x: f32) -> u32 {
  let all = bitcast<u32>(x);
  let sign = (all >> 16u) & 0x8000u;
  let size = all & 0x7fffffffu;
  if (size > 0x7f800000u) { return 0x7e00u; }
  if (size >= 0x47800000u) { return sign | 0x7c00u; }
  if (size < 0x38800000u) {
    // Below 2^-14 the step is 2^-24: adding 0.5 leaves the rounded count of steps in the last bits.
    return sign | (bitcast<u32>(bitcast<f32>(size) + 0.5) - 0x3f000000u);
  }
  return sign | ((size - 0x38000000u + 0xfffu + ((size >> 13u) & 1u)) >> 13u);
}
`;

/** WGSL expression: a value of `valueType(dtype)` as `storageType(dtype)`, for types that are not packed. */
export function storedValue(dtype: DType, value: string): string {
  return dtype === 'bool' ? `select(0u, 1u, ${value})` : value;
}
