import { dequantizeBlocks, type QuantizedFormat, quantizeBlocks } from '@dawngrad/tensor';
import { normalArray } from '@dawngrad/tensor/testing';
import { describe, expect, it } from 'vitest';
import { decodeF16 } from '../../src/dtype.ts';
import { NF4_VALUES, WEIGHT_BLOCK } from '../../src/kernels/matmul-weight.wgsl.ts';

const FORMATS: readonly QuantizedFormat[] = ['q8_0', 'q4_0', 'nf4'];
const normal = (seed: number, count: number) => Float32Array.from(normalArray(seed, [count], 0.02).data);

/** The largest error that the format's encoder may make in a block, the rounding of its scale included. */
function bound(block: Float32Array, format: QuantizedFormat): number {
  const size = Math.max(...block.map(Math.abs));
  switch (format) {
    case 'q8_0':
      return size / 127 / 2 + size * 2 ** -11;
    case 'q4_0':
      return size / 8 + size * 2 ** -11;
    case 'nf4':
      return (size * (NF4_VALUES[1]! - NF4_VALUES[0]!)) / 2 + size * 2 ** -20;
  }
}

describe.each(FORMATS)('%s', (format) => {
  const block = WEIGHT_BLOCK[format];

  it('is off by no more than the published bound of its block', () => {
    const values = normal(1, 20 * block);
    // A block with an outlier, and one with the extreme at the positive end.
    values[3] = 1.5;
    values[block + 5] = -0.9;
    const back = dequantizeBlocks(quantizeBlocks(values, format), format);
    for (let start = 0; start < values.length; start += block) {
      const limit = bound(values.subarray(start, start + block), format);
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
