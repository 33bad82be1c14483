import { type Device, dequantizeBlocks, quantizeBlocks, Rng, type WeightFormat } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { narrowBf16, narrowF16, widenBf16, widenF16 } from '../../src/io/float-formats.ts';
import { isQuantized, WEIGHT_FORMATS, type WeightSpec } from '../../src/weights/base-weights.ts';
import { PIECE_ELEMENTS } from '../../src/weights/frozen-matrix.ts';
import { FrozenWeights, keptFormat } from '../../src/weights/frozen-weights.ts';

let small: Device;
beforeAll(async () => {
  // A matrix of a few thousand values is then already larger than a binding.
  small = await openDevice({ limits: { maxStorageBufferBindingSize: 8192 } });
});
afterAll(() => small[Symbol.dispose]());

const SPECS: readonly WeightSpec[] = [
  { name: 'table', shape: [70, 64], isLinear: false },
  { name: 'q', shape: [20, 64], isLinear: true },
  { name: 'k', shape: [6, 64], isLinear: true },
  { name: 'gate', shape: [90, 64], isLinear: true },
  { name: 'odd', shape: [7, 48], isLinear: true },
  { name: 'norm', shape: [33], isLinear: false },
];

function values(index: number, size: number): Float32Array {
  const rng = new Rng(7, index);
  return Float32Array.from({ length: size }, (_, i) => rng.normal(0, i) * 0.05);
}

/** What a format keeps of values, by the formats' own definitions. */
function kept(source: Float32Array, format: WeightFormat): Float32Array {
  if (format === 'f32') return source;
  if (isQuantized(format)) return dequantizeBlocks(quantizeBlocks(source, format), format);
  const [bits, out] = [new Uint16Array(source.length), new Float32Array(source.length)];
  if (format === 'bf16') {
    narrowBf16(source, bits);
    widenBf16(bits, out);
  } else {
    narrowF16(source, bits);
    widenF16(bits, out);
  }
  return out;
}

describe('FrozenWeights', () => {
  it.each(WEIGHT_FORMATS)('keeps what is written in %s, in row blocks within the binding limit', async (format) => {
    const weights = new FrozenWeights(small, SPECS, [['q', 'k']], (spec) => keptFormat(spec, format, 'f32'));
    try {
      for (const [index, { name, shape }] of SPECS.entries()) {
        const all = values(
          index,
          shape.reduce((a, b) => a * b),
        );
        // In uneven pieces, as a file gives them.
        for (let start = 0; start < all.length; start += 5 * PIECE_ELEMENTS)
          weights.write(name, start, all.slice(start, start + 5 * PIECE_ELEMENTS));
      }
      for (const [index, { name, shape }] of SPECS.entries()) {
        const all = values(
          index,
          shape.reduce((a, b) => a * b),
        );
        expect(await weights.read(name), name).toEqual(kept(all, weights.format(name)));
      }
      const blocks = weights.matrix('gate');
      expect(blocks.length).toBe(format === 'f32' ? 3 : format === 'bf16' || format === 'f16' ? 2 : 1);
      const stack = weights.stacked(['q', 'k'])!;
      expect(stack).toHaveLength(1);
      expect('rows' in stack[0]! ? stack[0].rows : stack[0]!.shape[0]).toBe(26);
      expect(weights.stacked(['k', 'q'])).toBeUndefined();
    } finally {
      weights.dispose();
    }
    expect(small.memory.liveBytes).toBe(0);
  });

  it('quantises only linears, and of those only rows of whole blocks', () => {
    const [table, q, , , odd, norm] = SPECS as [WeightSpec, WeightSpec, WeightSpec, WeightSpec, WeightSpec, WeightSpec];
    expect(keptFormat(table, 'nf4', 'bf16')).toBe('bf16');
    expect(keptFormat(table, 'nf4', 'f32')).toBe('f16');
    expect(keptFormat(q, 'nf4', 'bf16')).toBe('nf4');
    expect(keptFormat(odd, 'nf4', 'f16')).toBe('f16');
    expect(keptFormat(odd, 'q8_0', 'f16')).toBe('f16');
    expect(keptFormat(norm, 'bf16', 'bf16')).toBe('f32');
  });

  it('takes bits of its own 16-bit format as they are', async () => {
    const weights = new FrozenWeights(small, [SPECS[0]!], [], () => 'bf16');
    const bits = Uint16Array.from({ length: 70 * 64 }, (_, i) => (i * 7) % 0x7f80);
    weights.write('table', 0, bits);
    const out = new Float32Array(bits.length);
    widenBf16(bits, out);
    expect(await weights.read('table')).toEqual(out);
    weights.dispose();
  });

  it('refuses what f16 cannot hold, by the name of the weight', () => {
    const weights = new FrozenWeights(small, [SPECS[0]!], [], () => 'f16');
    expect(() => weights.write('table', 0, Float32Array.from([1, 1e5]))).toThrowError(/table.*65504.*100000/s);
    weights.dispose();
  });

  it('lives as long as its last user', () => {
    const weights = new FrozenWeights(small, [SPECS[0]!], [], () => 'f32');
    weights.retain();
    weights.dispose();
    expect(small.memory.liveBytes).toBe(weights.bytes);
    weights.dispose();
    expect(small.memory.liveBytes).toBe(0);
  });

  it('frees what it has allocated where the budget ends', async () => {
    using tight = await openDevice({ budgetBytes: 20_000 });
    expect(() => new FrozenWeights(tight, SPECS, [], () => 'f32')).toThrowError(/budget/);
    expect(tight.memory.liveBytes).toBe(0);
  });
});
