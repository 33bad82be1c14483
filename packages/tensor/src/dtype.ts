/**
 * Element types of a tensor. f16 and bf16 take 2 bytes, two to a 32-bit word; all others take 4. A bool is
 * a word of 0 or 1. Kernels compute 16-bit floats in f32, so they work on adapters without `shader-f16`.
 */
export type DType = 'f32' | 'f16' | 'bf16' | 'i32' | 'u32' | 'bool';

/** Every element type. */
export const DTYPES: readonly DType[] = ['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'];

/**
 * Host arrays that hold a tensor's elements. Values are Float32Array for every float type, Int32Array,
 * Uint32Array, and Uint8Array of 0 and 1 for bool; a Uint16Array is the raw bits of 16-bit floats.
 */
export type HostArray = Float32Array | Uint16Array | Int32Array | Uint32Array | Uint8Array;

/** Bytes of one element as it is stored: 2 for f16 and bf16, 4 for all others. */
export function bytesPerElement(dtype: DType): number {
  return dtype === 'f16' || dtype === 'bf16' ? 2 : 4;
}

/** True for the types that hold real numbers. */
export function isFloat(dtype: DType): boolean {
  return dtype === 'f32' || dtype === 'f16' || dtype === 'bf16';
}

/** True for i32 and u32. */
export function isInteger(dtype: DType): boolean {
  return dtype === 'i32' || dtype === 'u32';
}

/**
 * The type that values of both types are computed in, as NumPy promotes, with 32 bits as the most there is:
 *
 * |      | bool | u32 | i32 | f16 | bf16 | f32 |
 * |------|------|-----|-----|-----|------|-----|
 * | bool | bool | u32 | i32 | f16 | bf16 | f32 |
 * | u32  |      | u32 | i32 | f32 | f32  | f32 |
 * | i32  |      |     | i32 | f32 | f32  | f32 |
 * | f16  |      |     |     | f16 | f32  | f32 |
 * | bf16 |      |     |     |     | bf16 | f32 |
 *
 * Where NumPy would go on to 64 bits it stays at 32: i32 with u32 is i32 (as in JAX), so that a u32 of 2^31 or
 * more wraps; an integer with a float is f32, which holds integers up to 2^24.
 */
export function promoteTypes(a: DType, b: DType): DType {
  if (a === b || b === 'bool') return a;
  if (a === 'bool') return b;
  if (isInteger(a) && isInteger(b)) return 'i32';
  return 'f32';
}

/**
 * The type that a tensor and a plain number are computed in. A number is weak, as in NumPy 2: it takes the type
 * of the tensor, except that a fraction makes integers and bools f32, and an integer makes bools i32.
 */
export function promoteNumber(dtype: DType, value: number): DType {
  if (isFloat(dtype)) return dtype;
  if (!Number.isInteger(value)) return 'f32';
  return dtype === 'bool' ? 'i32' : dtype;
}

/** True if `dtype` is an integer type that holds `value`; floats hold every number, if rounded. */
export function holdsNumber(dtype: DType, value: number): boolean {
  if (dtype === 'i32') return value >= -(2 ** 31) && value < 2 ** 31;
  if (dtype === 'u32') return value >= 0 && value < 2 ** 32;
  return true;
}

/** The values that `buffer` holds, stored as `dtype`; 16-bit floats are widened, bools are bytes. */
export function decodeHost(dtype: DType, buffer: ArrayBuffer): HostArray {
  const raw = hostView(dtype, buffer);
  switch (dtype) {
    case 'f16':
      return Float32Array.from(raw, decodeF16);
    case 'bf16':
      return Float32Array.from(raw, decodeBf16);
    case 'bool':
      return Uint8Array.from(raw, (value) => (value === 0 ? 0 : 1));
    default:
      return raw;
  }
}

/** A typed view of `buffer` for elements of `dtype` as they are stored: bits of 16-bit floats, a word a bool. */
export function hostView(dtype: DType, buffer: ArrayBuffer): HostArray {
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer);
    case 'f16':
    case 'bf16':
      return new Uint16Array(buffer, 0, Math.floor(buffer.byteLength / 2));
    case 'i32':
      return new Int32Array(buffer);
    case 'u32':
    case 'bool':
      return new Uint32Array(buffer);
  }
}

const word = new DataView(new ArrayBuffer(4));

function bitsOf(value: number): number {
  word.setFloat32(0, value);
  return word.getUint32(0);
}

function floatOf(bits: number): number {
  word.setUint32(0, bits);
  return word.getFloat32(0);
}

/** The bits of the bf16 nearest to a number, ties to even; NaN stays NaN. */
export function encodeBf16(value: number): number {
  const bits = bitsOf(value);
  if (Number.isNaN(value)) return 0x7fc0;
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** The number that the bits of a bf16 stand for. */
export function decodeBf16(bits: number): number {
  return floatOf((bits << 16) >>> 0);
}

/** The bits of the f16 nearest to a number, ties to even; what is too large becomes infinite. */
export function encodeF16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = Object.is(value, -0) || value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  // Half way from the largest f16, 65504, to the next step rounds to even: to infinity.
  if (size >= 65520) return sign | 0x7c00;
  // Steps below 2^-14 are 2^-24; above, 10 bits of fraction.
  const exponent = Math.max(-14, Math.floor(Math.log2(size || 1e-30)));
  const scaled = size / 2 ** (exponent - 10);
  const floor = Math.floor(scaled);
  const rest = scaled - floor;
  const rounded = rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
  // A fraction that rounds up to 2048 carries into the exponent by itself.
  return sign | (rounded < 1024 && exponent === -14 ? rounded : ((exponent + 15) << 10) + (rounded - 1024));
}

/** The number that the bits of an f16 stand for. */
export function decodeF16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}
