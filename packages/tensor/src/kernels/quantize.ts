import { decodeF16, encodeF16 } from '../dtype.ts';
import { NF4_VALUES, WEIGHT_BLOCK } from './matmul-weight.wgsl.ts';

/*
 * Block quantisation on the host, rounding as the published encoders do. Where a value may be off by at most:
 *
 * q8_0   |scale| / 2, where the scale is the largest size of the block over 127, rounded to f16
 * q4_0   |scale|, where the scale is the value of the largest size over -8: the opposite end is cut off at 7
 * nf4    0.152 of the largest size: half of the widest gap between two quantiles, -1 and -0.696
 *
 * Sources: ggml's quantize_row_q8_0_ref and quantize_row_q4_0_ref; T. Dettmers et al., "QLoRA" (2023).
 */

/** Formats of weights that are blocks of small integers with a scale. */
export type QuantizedFormat = 'q8_0' | 'q4_0' | 'nf4';

/** Codes and scales of consecutive blocks. */
export interface QuantizedBlocks {
  /** The bytes of the codes, four to a word, in the order of the published blocks. */
  readonly codes: Uint32Array;
  /** Bits of f16 for q8_0 and q4_0, f32 for nf4. */
  readonly scales: Uint16Array | Float32Array;
}

/** Bytes of the codes of a block. */
export const CODE_BYTES: Readonly<Record<QuantizedFormat, number>> = { q8_0: 32, q4_0: 16, nf4: 32 };

/** Quantises values whose number is a multiple of the format's block. */
export function quantizeBlocks(values: Float32Array, format: QuantizedFormat): QuantizedBlocks {
  const block = WEIGHT_BLOCK[format];
  const count = values.length / block;
  const codes = new Uint32Array((count * CODE_BYTES[format]) / 4);
  const bytes = new Uint8Array(codes.buffer);
  const scales = format === 'nf4' ? new Float32Array(count) : new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    const from = values.subarray(i * block, (i + 1) * block);
    const to = bytes.subarray(i * CODE_BYTES[format], (i + 1) * CODE_BYTES[format]);
    scales[i] = ENCODERS[format](from, to);
  }
  return { codes, scales };
}

/** The values that codes and scales stand for, as the kernels compute them. */
export function dequantizeBlocks({ codes, scales }: QuantizedBlocks, format: QuantizedFormat): Float32Array {
  const block = WEIGHT_BLOCK[format];
  const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
  const values = new Float32Array(scales.length * block);
  for (let i = 0; i < values.length; i++) {
    const at = Math.floor(i / block);
    const scale = format === 'nf4' ? scales[at]! : decodeF16(scales[at]!);
    values[i] = codeValue(bytes, at * CODE_BYTES[format], i % block, format) * scale;
  }
  return values;
}

function codeValue(bytes: Uint8Array, start: number, i: number, format: QuantizedFormat): number {
  switch (format) {
    case 'q8_0':
      return (bytes[start + i]! << 24) >> 24;
    case 'q4_0':
      return ((bytes[start + (i % 16)]! >> (i < 16 ? 0 : 4)) & 15) - 8;
    case 'nf4':
      return Math.fround(NF4_VALUES[(bytes[start + (i >> 1)]! >> (i % 2 === 0 ? 4 : 0)) & 15]!);
  }
}

/** Fills in the codes of one block and returns its scale. */
const ENCODERS: Readonly<Record<QuantizedFormat, (values: Float32Array, codes: Uint8Array) => number>> = {
  q8_0: (values, codes) => {
    const scale = Math.fround(largest(values) / 127);
    const inverse = scale === 0 ? 0 : 1 / scale;
    for (let i = 0; i < 32; i++) codes[i] = roundAway(values[i]! * inverse);
    return encodeF16(scale);
  },
  q4_0: (values, codes) => {
    let extreme = 0;
    for (const value of values) if (Math.abs(value) > Math.abs(extreme)) extreme = value;
    const scale = Math.fround(extreme / -8);
    const inverse = scale === 0 ? 0 : 1 / scale;
    const code = (value: number) => Math.min(15, Math.trunc(value * inverse + 8.5));
    for (let i = 0; i < 16; i++) codes[i] = code(values[i]!) | (code(values[i + 16]!) << 4);
    return encodeF16(scale);
  },
  nf4: (values, codes) => {
    const scale = largest(values);
    const inverse = scale === 0 ? 0 : 1 / scale;
    const code = (value: number) => nearestQuantile(value * inverse);
    for (let i = 0; i < 32; i++) codes[i] = (code(values[2 * i]!) << 4) | code(values[2 * i + 1]!);
    return scale;
  },
};

function largest(values: Float32Array): number {
  let size = 0;
  for (const value of values) size = Math.max(size, Math.abs(value));
  return size;
}

/** Nearest integer, halves away from zero, as C's roundf. */
function roundAway(value: number): number {
  return Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
}

function nearestQuantile(value: number): number {
  let best = 0;
  for (let i = 1; i < 16; i++) {
    if (Math.abs(NF4_VALUES[i]! - value) < Math.abs(NF4_VALUES[best]! - value)) best = i;
  }
  return best;
}
