/**
 * Element types of a tensor. f16 and bf16 take 2 bytes, two to a 32-bit word; all others take 4. A bool is
 * a word of 0 or 1. Kernels compute 16-bit floats in f32, so they work on adapters without `shader-f16`.
 */
export type DType = 'f32' | 'f16' | 'bf16' | 'i32' | 'u32' | 'bool';

/** Host arrays that hold a tensor's elements; 16-bit floats travel as raw bits. */
export type HostArray = Float32Array | Uint16Array | Int32Array | Uint32Array;

export function bytesPerElement(dtype: DType): number {
  return dtype === 'f16' || dtype === 'bf16' ? 2 : 4;
}

/** True for the types that hold real numbers. */
export function isFloat(dtype: DType): boolean {
  return dtype === 'f32' || dtype === 'f16' || dtype === 'bf16';
}

/** A typed view of `buffer` for elements of `dtype`. */
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
