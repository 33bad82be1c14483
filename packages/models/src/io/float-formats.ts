/**
 * Widening of stored weights to f32. Byte order is little-endian in the file and on every machine that WebGPU
 * runs on, so words are read through typed arrays.
 */

/** bf16 bits to f32: the upper half of the word. `words` and `out` have the same length. */
export function widenBf16(words: Uint16Array, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < words.length; i++) bits[i] = words[i]! << 16;
}

/** IEEE 754 half-precision bits to f32, subnormals, infinities and NaN included. */
export function widenF16(words: Uint16Array, out: Float32Array): void {
  const table = halfTable();
  for (let i = 0; i < words.length; i++) out[i] = table[words[i]!]!;
}

let halfValues: Float32Array | undefined;

/** All 65,536 half values, made on first use: 256 KiB. */
function halfTable(): Float32Array {
  if (halfValues !== undefined) return halfValues;
  halfValues = new Float32Array(0x10000);
  for (let bits = 0; bits < 0x10000; bits++) halfValues[bits] = halfToNumber(bits);
  return halfValues;
}

function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
