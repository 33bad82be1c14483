import {
  dequantizeBlocks,
  type QuantizedFormat,
  quantizationBound,
  quantizeBits,
  quantizeBlocks,
} from '@dawngrad/tensor';
import { normalArray } from '@dawngrad/tensor/testing';
import { describe, expect, it } from 'vitest';
import { decodeBf16, decodeF16, encodeBf16, encodeF16 } from '../../src/dtype.ts';
import { NF4_VALUES, WEIGHT_BLOCK } from '../../src/kernels/matmul-weight.wgsl.ts';

const FORMATS: readonly QuantizedFormat[] = ['q8_0', 'q4_0', 'nf4'];
const normal = (seed: number, count: number) => Float32Array.from(normalArray(seed, [count], 0.02).data);

describe.each(FORMATS)('%s', (format) => {
  const block = WEIGHT_BLOCK[format];

  it('is off by no more than the published bound of its block', () => {
    const values = normal(1, 20 * block);
    // A block with an outlier, and one with the extreme at the positive end.
    values[3] = 1.5;
    values[block + 5] = -0.9;
    // Blocks whose steps are subnormal in f16, and near its smallest.
    for (let i = 2 * block; i < 5 * block; i++) values[i] = values[i]! * 10 ** -(1 + Math.floor(i / block));
    const back = dequantizeBlocks(quantizeBlocks(values, format), format);
    for (let start = 0; start < values.length; start += block) {
      const size = Math.max(...values.subarray(start, start + block).map(Math.abs));
      const limit = quantizationBound(size, format);
      for (let i = start; i < start + block; i++) expect(Math.abs(back[i]! - values[i]!)).toBeLessThanOrEqual(limit);
    }
  });

  it('keeps zeros', () => {
    expect(Array.from(dequantizeBlocks(quantizeBlocks(new Float32Array(block), format), format), Math.abs)).toEqual(
      new Array(block).fill(0),
    );
  });

  it('keeps what is quantised already', () => {
    const once = quantizeBlocks(normal(2, 4 * block), format);
    const values = dequantizeBlocks(once, format);
    const twice = dequantizeBlocks(quantizeBlocks(values, format), format);
    const scale = Math.max(...values.map(Math.abs));
    for (let i = 0; i < values.length; i++) expect(Math.abs(twice[i]! - values[i]!)).toBeLessThan(scale * 2 ** -9);
  });
});

describe('the published layouts', () => {
  const bytes = (words: Uint32Array) => new Uint8Array(words.buffer);

  it('q8_0: signed bytes in order, d = largest / 127', () => {
    const { codes, scales } = quantizeBlocks(
      Float32Array.from({ length: 32 }, (_, i) => (i - 16) * (127 / 16)),
      'q8_0',
    );
    expect(decodeF16(scales[0]!)).toBe(1);
    expect(Array.from(new Int8Array(bytes(codes).buffer)).slice(0, 4)).toEqual([-127, -119, -111, -103]);
  });

  it('q4_0: value j in the low half of byte j, value j + 16 in the high half, d = extreme / -8', () => {
    const values = Float32Array.from({ length: 32 }, (_, i) => (i === 0 ? -8 : i === 17 ? 3 : i === 1 ? 7 : 0));
    const { codes, scales } = quantizeBlocks(values, 'q4_0');
    expect(decodeF16(scales[0]!)).toBe(1);
    expect(Array.from(bytes(codes)).slice(0, 3)).toEqual([0x80, 0xbf, 0x88]);
  });

  it('nf4: value 2j in the high half of byte j, value 2j + 1 in the low half', () => {
    const values = Float32Array.from({ length: 64 }, (_, i) => 2 * NF4_VALUES[i % 16]!);
    const { codes, scales } = quantizeBlocks(values, 'nf4');
    expect(scales[0]).toBe(2);
    expect(Array.from(bytes(codes)).slice(0, 8)).toEqual([0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
  });
});

/** The published encoders, value by value: the codes of one block, and its scale as it is stored. */
const DEFINITIONS: Readonly<Record<QuantizedFormat, (values: Float32Array) => { codes: number[]; scale: number }>> = {
  q8_0: (values) => {
    const scale = Math.fround(values.reduce((size, value) => Math.max(size, Math.abs(value)), 0) / 127);
    const inverse = scale === 0 ? 0 : 1 / scale;
    const round = (value: number) => Math.sign(value) * Math.floor(Math.abs(value) + 0.5);
    return { codes: Array.from(values, (value) => round(value * inverse)), scale: encodeF16(scale) };
  },
  q4_0: (values) => {
    let extreme = 0;
    for (const value of values) if (Math.abs(value) > Math.abs(extreme)) extreme = value;
    const scale = Math.fround(extreme / -8);
    const inverse = scale === 0 ? 0 : 1 / scale;
    const code = (value: number) => Math.min(15, Math.trunc(value * inverse + 8.5));
    const pairs = Array.from({ length: 16 }, (_, i) => code(values[i]!) | (code(values[i + 16]!) << 4));
    return { codes: pairs, scale: encodeF16(scale) };
  },
  nf4: (values) => {
    const scale = values.reduce((size, value) => Math.max(size, Math.abs(value)), 0);
    const inverse = scale === 0 ? 0 : 1 / scale;
    const nearest = (value: number): number => {
      let best = 0;
      for (let i = 1; i < 16; i++) {
        if (Math.abs(NF4_VALUES[i]! - value) < Math.abs(NF4_VALUES[best]! - value)) best = i;
      }
      return best;
    };
    const code = (i: number) => nearest(values[i]! * inverse);
    const pairs = Array.from({ length: 32 }, (_, i) => (code(2 * i) << 4) | code(2 * i + 1));
    return { codes: pairs, scale };
  },
};

/** Blocks of every kind: usual ones, tiny and huge ones, halves and quantiles to the last bit, zeros, NaN, infinities. */
function manyValues(block: number): Float32Array {
  const usual = normal(9, 400 * block);
  const bits = new Uint32Array(normal(10, 200 * block).buffer).map((word, i) => Math.imul(word, 2654435761) ^ i);
  const around = Float32Array.from({ length: 40 * block }, (_, i) => {
    const [low, high] = [NF4_VALUES[i % 15]!, NF4_VALUES[(i % 15) + 1]!];
    return i % block === 0 ? 1 : (low + high) / 2 + ((i % 7) - 3) * 2 ** -25;
  });
  const halves = Float32Array.from({ length: 8 * block }, (_, i) => (i % block === 0 ? 127 : (i % 255) - 127.5));
  const tiny = Float32Array.from({ length: 8 * block }, (_, i) => ((i * 7) % 41) * 2 ** -149);
  const odd = Float32Array.from({ length: 4 * block }, (_, i) =>
    i % block === 3 ? [Number.NaN, Number.POSITIVE_INFINITY, -0, 3e38][Math.floor(i / block)]! : i % 5,
  );
  const all = [usual, new Float32Array(bits.buffer), around, halves, tiny, odd, new Float32Array(block)];
  const values = new Float32Array(all.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of all) {
    values.set(part, at);
    at += part.length;
  }
  return values;
}

describe.each(FORMATS)('the fast encoder of %s', (format) => {
  const block = WEIGHT_BLOCK[format];

  it('gives the bits of the definition', () => {
    const values = manyValues(block);
    const { codes, scales } = quantizeBlocks(values, format);
    const bytes = new Uint8Array(codes.buffer);
    const perBlock = bytes.length / scales.length;
    const expected = new Uint8Array(bytes.length);
    const expectedScales = format === 'nf4' ? new Float32Array(scales.length) : new Uint16Array(scales.length);
    for (let i = 0; i < scales.length; i++) {
      const found = DEFINITIONS[format](values.subarray(i * block, (i + 1) * block));
      expected.set(found.codes, i * perBlock);
      expectedScales[i] = found.scale;
    }
    expect(scales).toEqual(expectedScales);
    expect(bytes.findIndex((byte, i) => byte !== expected[i])).toBe(-1);
  });

  it.each(['f16', 'bf16'] as const)('takes the bits of %s as the values that they stand for', (dtype) => {
    const [encode, decode] = dtype === 'f16' ? [encodeF16, decodeF16] : [encodeBf16, decodeBf16];
    // More than what is widened at a time, and no multiple of it.
    const bits = Uint16Array.from(normal(3, 4096 + 5 * block), encode);
    bits.set([0x7c00, 0x8000, 0x0001, 0x7fff], 2);
    const wide = quantizeBlocks(Float32Array.from(bits, decode), format);
    expect(quantizeBits(bits, dtype, format)).toEqual(wide);
  });
});
