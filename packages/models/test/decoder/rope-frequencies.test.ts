import { describe, expect, it } from 'vitest';
import { parseDecoderConfig } from '../../src/config/decoder-config.ts';
import { ropeAmplitude, ropeFrequencies } from '../../src/decoder/rope-frequencies.ts';
import { knownModel } from '../../src/families/known-models.ts';
import { referenceRope } from './reference-rope.ts';

const SIZES = {
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 1,
  vocab_size: 8,
};

describe('ropeFrequencies', () => {
  it('has the numbers that transformers 5.17 computes for YaRN in f32', () => {
    const rope_scaling = { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 262_144 };
    const config = parseDecoderConfig(JSON.stringify({ ...SIZES, rope_theta: 1e7, rope_scaling }));
    const frequencies = ropeFrequencies(config);
    expect(ropeAmplitude(config)).toBeCloseTo(1.138629436111989, 14);
    // Pairs that are kept, on the ramp from pair 14 to pair 22, and slowed.
    for (const [pair, expected] of [
      [0, 1],
      [13, 1.433012658e-3],
      [14, 8.659643354e-4],
      [15, 4.74239816e-4],
      [18, 7.217386883e-5],
      [21, 8.759770026e-6],
      [22, 3.849816039e-6],
      [31, 4.137042708e-8],
    ] as const) {
      expect(Math.abs(frequencies[pair]! / expected - 1), `pair ${pair}`).toBeLessThan(1e-6);
    }
  });

  it('keeps the short waves of Llama 3.1, slows the long ones by 8 and blends those between', () => {
    const config = knownModel('llama8b')!;
    const plain = ropeFrequencies({ headDim: config.headDim, ropeTheta: config.ropeTheta });
    const slowing = ropeFrequencies(config).map((frequency, i) => plain[i]! / frequency);
    const wavelengths = plain.map((frequency) => (2 * Math.PI) / frequency);
    expect(slowing.length).toBe(64);
    const kinds = { kept: 0, slowed: 0, blended: 0 };
    slowing.forEach((by, i) => {
      if (wavelengths[i]! < 8192 / 4) {
        kinds.kept++;
        expect(by).toBe(1);
      } else if (wavelengths[i]! > 8192) {
        kinds.slowed++;
        expect(by).toBeCloseTo(8, 12);
      } else {
        kinds.blended++;
        expect(by).toBeGreaterThan(slowing[i - 1]!);
        expect(by).toBeLessThan(8);
      }
    });
    expect(kinds).toEqual({ kept: 29, slowed: 29, blended: 6 });
  });

  it.each([
    ['yarn of fractional ends', { rope_type: 'yarn', factor: 3, beta_fast: 3, beta_slow: 0.7, truncate: false }],
    ['yarn of one turn', { rope_type: 'yarn', factor: 3, beta_fast: 1, beta_slow: 1, truncate: false }],
    ['linear', { rope_type: 'linear', factor: 1.5 }],
  ])('is that of the float64 reference for %s', (_, rope_scaling) => {
    const config = parseDecoderConfig(JSON.stringify({ ...SIZES, rope_scaling }));
    const expected = referenceRope(config);
    expect(ropeAmplitude(config)).toBe(expected.amplitude);
    ropeFrequencies(config).forEach((frequency, i) => {
      expect(Math.abs(frequency / expected.frequencies[i]! - 1)).toBeLessThan(1e-12);
    });
  });
});
