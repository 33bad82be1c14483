import type { DType } from '../../dtype.ts';
import { valueType } from './element.wgsl.ts';

/*
 * Unsigned integers in the order of the elements, so that comparisons are comparisons of integers: a WGSL
 * compiler may assume that no float is NaN, and an integer has none of that.
 * For floats the sign bit is flipped for positive numbers and all bits for negative ones; NaN of any sign
 * becomes the largest key.
 * Source: M. Herf, "Radix tricks", 2001.
 */

/** WGSL `key_of(value) -> u32` and `value_of(key)` for the values of `dtype` (a bool is its word of 0 or 1). */
export function keyFunctions(dtype: DType): string {
  switch (valueType(dtype)) {
    case 'f32':
      return `
fn key_of(value: f32) -> u32 {
  let bits = bitcast<u32>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) { return 0xffffffffu; }
  return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}
fn value_of(key: u32) -> f32 { return bitcast<f32>(select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u)); }
`;
    case 'i32':
      return `
fn key_of(value: i32) -> u32 { return bitcast<u32>(value) ^ 0x80000000u; }
fn value_of(key: u32) -> i32 { return bitcast<i32>(key ^ 0x80000000u); }
`;
    default:
      return `
fn key_of(value: u32) -> u32 { return value; }
fn value_of(key: u32) -> u32 { return key; }
`;
  }
}

/**
 * WGSL `rank_of(value) -> u32` after `keyFunctions`: smaller ranks come first. Equal elements have equal
 * ranks (so have 0 and -0), and NaN comes last (`nan: 'last'`) or first, in either direction.
 */
export function rankFunction(dtype: DType, descending: boolean, nan: 'first' | 'last'): string {
  const isFloat = valueType(dtype) === 'f32';
  const type = isFloat ? 'f32' : valueType(dtype) === 'i32' ? 'i32' : 'u32';
  const direct = descending ? '~key' : 'key';
  if (!isFloat) return `fn rank_of(value: ${type}) -> u32 { let key = key_of(value); return ${direct}; }\n`;
  return `
fn rank_of(value: f32) -> u32 {
  var key = key_of(value);
  if (key == 0xffffffffu) { return ${nan === 'last' ? '0xffffffffu' : '0u'}; }
  if (key == 0x7fffffffu) { key = 0x80000000u; }
  return ${direct};
}
`;
}
