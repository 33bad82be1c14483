import { decodeF16 } from '../dtype.ts';
import { NF4_VALUES, WEIGHT_BLOCK } from './matmul-weight.wgsl.ts';

/*
 * Block quantisation on the host, rounding as the published encoders do. Where a value may be off by at most
 * (`quantizationBound`), of the largest size m of its block:
 *
 * q8_0   m / 254, half a step of m / 127; the step, rounded to f16, is off by 127 times its rounding in all
 * q4_0   m / 8, a whole step: the end opposite to the largest is cut off at 7 steps; and 8 times the step's rounding
 * nf4    0.152 m: half of the widest gap between two quantiles, -1 and -0.696
 *
 * So x W^T is off by at most the sum over k of |x_k| times the bound of the block of W that k is in, and by what f32
 * rounds. Errors of different values are independent: for normal weights a product is off, root mean square, by
 * 0.53 % (q8_0), 8.6 % (q4_0) and 9.2 % (nf4) of its own.
 *
 * The loops are written for speed: a model of 500 million values goes through them as it loads. They give the bits of
 * the plain definitions, which the tests spell out.
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

/**
 * The most that a value of a block may be off after quantisation, where `largest` is the largest size in the block.
 * Finite values; blocks whose step is below the smallest f16 of full precision are off by its granularity.
 */
export function quantizationBound(largest: number, format: QuantizedFormat): number {
  if (format === 'nf4') return largest * ((NF4_VALUES[1]! - NF4_VALUES[0]!) / 2 + 2 ** -23);
  const [steps, most] = format === 'q8_0' ? [127, 0.5] : [8, 1];
  const step = largest / steps;
  const rounding = Math.max(step * 2 ** -11, 2 ** -25) * (1 + 2 ** -20);
  return most * step + steps * rounding;
}

/** Quantises values whose number is a multiple of the format's block. */
export function quantizeBlocks(values: Float32Array, format: QuantizedFormat): QuantizedBlocks {
  const blocks = emptyBlocks(values.length, format);
  ENCODERS[format](values, values.length, blocks, 0);
  return blocks;
}

/** Values that are widened at a time: they stay in the processor's first cache. */
const PIECE = 4096;

/** The same from the bits of 16-bit floats, without a copy of all of them in f32. */
export function quantizeBits(bits: Uint16Array, dtype: 'f16' | 'bf16', format: QuantizedFormat): QuantizedBlocks {
  const blocks = emptyBlocks(bits.length, format);
  const piece = new Float32Array(Math.min(PIECE, bits.length));
  const words = new Uint32Array(piece.buffer);
  const table = dtype === 'f16' ? halfTable() : undefined;
  for (let start = 0; start < bits.length; start += PIECE) {
    const count = Math.min(PIECE, bits.length - start);
    if (table === undefined) for (let i = 0; i < count; i++) words[i] = bits[start + i]! << 16;
    else for (let i = 0; i < count; i++) piece[i] = table[bits[start + i]!]!;
    ENCODERS[format](piece, count, blocks, start / WEIGHT_BLOCK[format]);
  }
  return blocks;
}

let halves: Float32Array | undefined;

/** The value of every f16, made at the first use. */
function halfTable(): Float32Array {
  halves ??= Float32Array.from({ length: 2 ** 16 }, (_, bits) => decodeF16(bits));
  return halves;
}

function emptyBlocks(count: number, format: QuantizedFormat): QuantizedBlocks {
  const blocks = count / WEIGHT_BLOCK[format];
  return {
    codes: new Uint32Array((blocks * CODE_BYTES[format]) / 4),
    scales: format === 'nf4' ? new Float32Array(blocks) : new Uint16Array(blocks),
  };
}

/** The values that codes and scales stand for, as the kernels compute them. */
export function dequantizeBlocks({ codes, scales }: QuantizedBlocks, format: QuantizedFormat): Float32Array {
  const values = new Float32Array(scales.length * WEIGHT_BLOCK[format]);
  DECODERS[format](codes, scales, values);
  return values;
}

type Decoder = (codes: Uint32Array, scales: Uint16Array | Float32Array, values: Float32Array) => void;

const DECODERS: Readonly<Record<QuantizedFormat, Decoder>> = {
  q8_0: (codes, scales, values) => {
    const bytes = new Int8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    for (let block = 0; block < scales.length; block++) {
      const scale = decodeF16(scales[block]!);
      for (let i = 32 * block; i < 32 * block + 32; i++) values[i] = bytes[i]! * scale;
    }
  },
  q4_0: (codes, scales, values) => {
    const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    for (let block = 0; block < scales.length; block++) {
      const scale = decodeF16(scales[block]!);
      for (let i = 0; i < 16; i++) {
        const byte = bytes[16 * block + i]!;
        values[32 * block + i] = ((byte & 15) - 8) * scale;
        values[32 * block + 16 + i] = ((byte >> 4) - 8) * scale;
      }
    }
  },
  nf4: (codes, scales, values) => {
    const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    const quantiles = Float32Array.from(NF4_VALUES);
    for (let block = 0; block < scales.length; block++) {
      const scale = scales[block]!;
      for (let i = 32 * block; i < 32 * block + 32; i++) {
        const byte = bytes[i]!;
        values[2 * i] = quantiles[byte >> 4]! * scale;
        values[2 * i + 1] = quantiles[byte & 15]! * scale;
      }
    }
  },
};

/** Encodes the first `count` values into `blocks` from block `first` on. */
type Encoder = (values: Float32Array, count: number, blocks: QuantizedBlocks, first: number) => void;

const ENCODERS: Readonly<Record<QuantizedFormat, Encoder>> = {
  q8_0: (values, count, { codes, scales }, first) => {
    const sizes = bitsOf(values);
    const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    // By the sign bit: which way a branch goes is a coin toss.
    const half = Float64Array.of(0.5, -0.5);
    for (let start = 0; start < count; start += 32) {
      const scale = Math.fround(floatOf(largestBits(sizes, start, 32)) / 127);
      const inverse = scale === 0 ? 0 : 1 / scale;
      const at = 32 * first;
      for (let i = start; i < start + 32; i++) {
        // To the nearest integer, halves away from zero, as C's roundf.
        bytes[at + i] = (values[i]! * inverse + half[sizes[i]! >>> 31]!) | 0;
      }
      scales[first + start / 32] = halfOf(scale);
    }
  },
  q4_0: (values, count, { codes, scales }, first) => {
    const sizes = bitsOf(values);
    const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    for (let start = 0; start < count; start += 32) {
      let most = 0;
      let extreme = 0;
      for (let i = start; i < start + 32; i++) {
        const size = sizes[i]! & 0x7fffffff;
        if (size > most && size <= INFINITY_BITS) {
          most = size;
          extreme = values[i]!;
        }
      }
      const scale = Math.fround(extreme / -8);
      const inverse = scale === 0 ? 0 : 1 / scale;
      const at = 16 * first + start / 2;
      for (let i = 0; i < 16; i++) {
        const low = (values[start + i]! * inverse + 8.5) | 0;
        const high = (values[start + 16 + i]! * inverse + 8.5) | 0;
        bytes[at + i] = Math.min(low, 15) | (Math.min(high, 15) << 4);
      }
      scales[first + start / 32] = halfOf(scale);
    }
  },
  nf4: (values, count, { codes, scales }, first) => {
    const sizes = bitsOf(values);
    const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.byteLength);
    const { below, threshold } = quantileCells();
    for (let start = 0; start < count; start += 64) {
      const scale = floatOf(largestBits(sizes, start, 64));
      const inverse = scale === 0 ? 0 : 1 / scale;
      const at = 32 * first + start / 2;
      for (let i = 0; i < 32; i++) {
        const left = values[start + 2 * i]! * inverse;
        const right = values[start + 2 * i + 1]! * inverse;
        const leftCell = (left * 16 + 16) | 0;
        const rightCell = (right * 16 + 16) | 0;
        const high = below[leftCell]! + (left > threshold[leftCell]! ? 1 : 0);
        const low = below[rightCell]! + (right > threshold[rightCell]! ? 1 : 0);
        bytes[at + i] = (high << 4) | low;
      }
      scales[first + start / 64] = scale;
    }
  },
};

const INFINITY_BITS = 0x7f800000;

function bitsOf(values: Float32Array): Int32Array {
  return new Int32Array(values.buffer, values.byteOffset, values.length);
}

/** The bits of the largest size among `count` values; of a NaN if there is one. */
function largestBits(sizes: Int32Array, start: number, count: number): number {
  let most = 0;
  for (let i = start; i < start + count; i++) {
    const size = sizes[i]! & 0x7fffffff;
    if (size > most) most = size;
  }
  return most;
}

const word = new Float32Array(1);
const wordBits = new Int32Array(word.buffer);

function floatOf(bits: number): number {
  wordBits[0] = bits;
  return word[0]!;
}

/** The bits of the f16 nearest to an f32, as `encodeF16` gives them. */
function halfOf(value: number): number {
  word[0] = value;
  const bits = wordBits[0]!;
  const sign = (bits >>> 16) & 0x8000;
  const size = bits & 0x7fffffff;
  if (size > INFINITY_BITS) return 0x7e00;
  if (size >= 0x477ff000) return sign | 0x7c00;
  if (size >= 0x38800000) return sign | ((size - 0x38000000 + 0xfff + ((size >>> 13) & 1)) >>> 13);
  // Below 2^-14 the step is 2^-24: adding 2^23 steps rounds to even.
  return sign | (Math.fround(Math.fround(Math.abs(value) * 2 ** 24) + 2 ** 23) - 2 ** 23);
}

/**
 * The interval -1 ... 1 in cells of 1/16, none of which holds more than one place where the nearest quantile
 * changes: how many lie in the cells before, and where the cell's own one is.
 */
interface QuantileCells {
  readonly below: Uint8Array;
  readonly threshold: Float64Array;
}

let cells: QuantileCells | undefined;

function quantileCells(): QuantileCells {
  if (cells !== undefined) return cells;
  // 1 itself, and what rounds to more than it, has a cell of its own.
  const below = new Uint8Array(33);
  const threshold = new Float64Array(33).fill(Number.POSITIVE_INFINITY);
  for (let code = 0; code < 15; code++) {
    const last = lastNearestTo(code);
    const cell = (last * 16 + 16) | 0;
    threshold[cell] = last;
    for (let i = cell + 1; i < below.length; i++) below[i] = code + 1;
  }
  cells = { below, threshold };
  return cells;
}

/** The largest number that is nearer to quantile `code` than to the next one; of two as near, the lower code counts. */
function lastNearestTo(code: number): number {
  const [left, right] = [NF4_VALUES[code]!, NF4_VALUES[code + 1]!];
  let [low, high] = [left, right];
  for (;;) {
    const middle = (low + high) / 2;
    if (middle === low || middle === high) return low;
    if (Math.abs(right - middle) < Math.abs(left - middle)) high = middle;
    else low = middle;
  }
}
