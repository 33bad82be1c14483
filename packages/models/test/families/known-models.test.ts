import { describe, expect, it } from 'vitest';
import { parameterCount } from '../../src/decoder/weight-specs.ts';
import { knownModel, knownModelIds } from '../../src/families/known-models.ts';

describe('known models', () => {
  // Weights of the published checkpoints; a tied output matrix is counted once.
  it.each([
    ['Qwen/Qwen2.5-0.5B-Instruct', 494_032_768],
    ['Qwen/Qwen2.5-1.5B-Instruct', 1_543_714_304],
    ['Qwen/Qwen2.5-3B-Instruct', 3_085_938_688],
    ['Qwen/Qwen2.5-7B-Instruct', 7_615_616_512],
    ['Qwen/Qwen3-0.6B', 596_049_920],
    ['Qwen/Qwen3-1.7B', 1_720_574_976],
    ['Qwen/Qwen3-4B-Instruct-2507', 4_022_468_096],
    ['Qwen/Qwen3-8B', 8_190_735_360],
    ['meta-llama/Llama-3.2-1B-Instruct', 1_235_814_400],
    ['meta-llama/Llama-3.2-3B-Instruct', 3_212_749_824],
    ['meta-llama/Llama-3.1-8B-Instruct', 8_030_261_248],
    ['mistralai/Mistral-7B-Instruct-v0.3', 7_248_023_552],
  ])('%s has %i parameters', (id, count) => {
    expect(parameterCount(knownModel(id)!)).toBe(count);
  });

  it('are all counted above', () => {
    expect(knownModelIds()).toHaveLength(12);
  });

  it('are found by alias, without an owner and in any case, and not otherwise', () => {
    for (const [alias, id] of [
      ['qwen3b', 'Qwen/Qwen2.5-3B-Instruct'],
      ['qwen7b', 'Qwen/Qwen2.5-7B-Instruct'],
      ['qwen4b', 'Qwen/Qwen3-4B-Instruct-2507'],
      ['llama3b', 'meta-llama/Llama-3.2-3B-Instruct'],
      ['llama8b', 'meta-llama/Llama-3.1-8B-Instruct'],
    ] as const) {
      expect(knownModel(alias)).toEqual(knownModel(id));
      expect(knownModel(id)).toBeDefined();
      expect(knownModel(id.split('/')[1]!.toUpperCase())).toEqual(knownModel(id));
    }
    expect(knownModel('Qwen')).toBeUndefined();
    expect(knownModel('')).toBeUndefined();
  });
});
