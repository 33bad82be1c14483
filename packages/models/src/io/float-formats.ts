/**
 * Widening of stored weights to f32, and narrowing back. Byte order is little-endian in the file and on every machine
 * that WebGPU runs on, so words are read through typed arrays.
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

/** f32 to the bits of the nearest bf16, ties to even; NaN stays NaN. `values` and `out` have the same length. */
export function narrowBf16(values: Float32Array, out: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) {
    const bits = words[i]!;
    // A NaN could round to infinity: its bits are made anew.
    const isNotANumber = (bits & 0x7fffffff) > 0x7f800000;
    out[i] = isNotANumber ? 0x7fc0 : (bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16;
  }
}

/** f32 to the bits of the nearest f16, ties to even; what is too large becomes infinite. Lengths are equal. */
export function narrowF16(values: Float32Array, out: Uint16Array): void {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  for (let i = 0; i < values.length; i++) {
    const bits = words[i]!;
    const sign = (bits >>> 16) & 0x8000;
    const size = bits & 0x7fffffff;
    if (size >= 0x477ff000) {
      out[i] = sign | (size > 0x7f800000 ? 0x7e00 : 0x7c00);
    } else if (size >= 0x38800000) {
      // Normal: the exponent is moved from a bias of 127 to 15, 13 bits of fraction are rounded away.
      out[i] = sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
    } else {
      // Subnormal: multiples of 2^-24; adding 2^23 of them rounds to even.
      out[i] = sign | (Math.fround(Math.fround(Math.abs(values[i]!) * 2 ** 24) + 8388608) - 8388608);
    }
  }
}

/** The first finite value whose narrowed word is infinite, or -1. */
export function firstOverflow(values: Float32Array, words: Uint16Array, format: 'f16' | 'bf16'): number {
  const infinity = format === 'f16' ? 0x7c00 : 0x7f80;
  // A loop: with a callback for each element, as `findIndex` has, this took longer than the narrowing itself.
  for (let i = 0; i < words.length; i++) {
    if ((words[i]! & 0x7fff) === infinity && Number.isFinite(values[i])) return i;
  }
  return -1;
}
