import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { decoderConfigToJson, parseDecoderConfig } from '../../src/config/decoder-config.ts';

const SOUND = {
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 172,
  num_hidden_layers: 5,
  num_attention_heads: 8,
  vocab_size: 512,
  max_position_embeddings: 4096,
};
const LLAMA3 = {
  factor: 8,
  low_freq_factor: 1,
  high_freq_factor: 4,
  original_max_position_embeddings: 1024,
  rope_type: 'llama3',
};

function parse(changes: object) {
  return parseDecoderConfig(JSON.stringify({ ...SOUND, ...changes }));
}

function errorOf(changes: object): ToolError {
  try {
    parse(changes);
  } catch (error) {
    if (error instanceof ToolError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('rotary settings of config.json', () => {
  it.each([
    ['nothing', {}, 10_000, undefined],
    ['null', { rope_scaling: null, rope_theta: 5 }, 5, undefined],
    ['the default kind', { rope_scaling: { type: 'default' }, rope_theta: 500_000.5 }, 500_000.5, undefined],
    ['linear, once spelt type', { rope_scaling: { type: 'linear', factor: 2 } }, 10_000, { kind: 'linear', factor: 2 }],
    [
      'llama3',
      { rope_scaling: LLAMA3, rope_theta: 500_000 },
      500_000,
      { kind: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositionEmbeddings: 1024 },
    ],
    [
      'llama3 of transformers 5',
      { rope_parameters: { ...LLAMA3, rope_theta: 500_000 } },
      500_000,
      { kind: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositionEmbeddings: 1024 },
    ],
    [
      'both forms of the same',
      { rope_scaling: LLAMA3, rope_parameters: { ...LLAMA3, rope_theta: 9 }, rope_theta: 9 },
      9,
      { kind: 'llama3', factor: 8, lowFreqFactor: 1, highFreqFactor: 4, originalMaxPositionEmbeddings: 1024 },
    ],
    ['theta of transformers 5 alone', { rope_parameters: { rope_theta: 7 } }, 7, undefined],
    [
      'yarn with its defaults',
      { rope_scaling: { rope_type: 'yarn', factor: 4, original_max_position_embeddings: 1024 } },
      10_000,
      {
        kind: 'yarn',
        factor: 4,
        originalMaxPositionEmbeddings: 1024,
        attentionFactor: 0.1 * Math.log(4) + 1,
        betaFast: 32,
        betaSlow: 1,
        truncate: true,
      },
    ],
    [
      'yarn without a pre-training length, with a ratio of amplitudes',
      { rope_scaling: { rope_type: 'yarn', factor: 4, mscale: 1, mscale_all_dim: 1, truncate: false, beta_fast: 8 } },
      10_000,
      {
        kind: 'yarn',
        factor: 4,
        originalMaxPositionEmbeddings: 4096,
        attentionFactor: 1,
        betaFast: 8,
        betaSlow: 1,
        truncate: false,
      },
    ],
  ])('reads %s', (_, changes, theta, scaling) => {
    const config = parse(changes);
    expect(config.ropeTheta).toBe(theta);
    expect(config.ropeScaling).toEqual(scaling);
    expect(parseDecoderConfig(JSON.stringify(decoderConfigToJson(config)))).toEqual(config);
  });

  it.each([
    ['another kind', { rope_scaling: { rope_type: 'longrope' } }, 'config', 'linear, llama3 or yarn, got "longrope"'],
    ['dynamic', { rope_scaling: { type: 'dynamic', factor: 2 } }, 'config', 'got "dynamic"'],
    ['a factor of no kind', { rope_scaling: { factor: 2 } }, 'config', 'a rope_type, got none, and "factor"'],
    [
      'kinds of layers apart',
      { rope_parameters: { full_attention: { rope_type: 'default' } } },
      'config',
      'a rope_type, got none, and "full_attention"',
    ],
    [
      'two kinds at once',
      { rope_scaling: { type: 'mrope', rope_type: 'default' } },
      'config',
      'rope_type and type that say the same',
    ],
    [
      'a part of each head',
      { rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.25 } },
      'config',
      'rope_parameters: expected partial_rotary_factor 1, got 0.25',
    ],
    ['text', { rope_scaling: 'linear' }, 'corrupt', 'rope_scaling as an object'],
    ['linear without a factor', { rope_scaling: { type: 'linear' } }, 'corrupt', 'factor over 0'],
    ['a factor of 0', { rope_scaling: { type: 'linear', factor: 0 } }, 'corrupt', 'factor over 0'],
    ['llama3 without its bounds', { rope_scaling: { rope_type: 'llama3', factor: 2 } }, 'corrupt', 'low_freq_factor'],
    [
      'llama3 without a band',
      { rope_scaling: { ...LLAMA3, high_freq_factor: 1 } },
      'corrupt',
      'high_freq_factor over low_freq_factor, got 1 and 1',
    ],
    ['two thetas', { rope_theta: 1, rope_parameters: { rope_theta: 2 } }, 'corrupt', 'one rope_theta, got 1 and 2'],
    [
      'two scalings',
      { rope_scaling: LLAMA3, rope_parameters: { rope_type: 'default' } },
      'corrupt',
      'rope_scaling and rope_parameters that say the same',
    ],
    ['a yarn ramp upside down', { rope_scaling: { type: 'yarn', factor: 2, beta_fast: 0.5 } }, 'corrupt', 'beta_fast'],
  ] as const)('refuses %s', (_, changes, code, part) => {
    const error = errorOf(changes);
    expect(error.code).toBe(code);
    expect(error.message).toContain(part);
  });
});
