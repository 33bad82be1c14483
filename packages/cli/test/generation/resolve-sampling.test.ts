import { parseGenerationConfig } from '@dawngrad/models';
import { describe, expect, it } from 'vitest';
import { resolveSampling } from '../../src/generation/resolve-sampling.ts';

const file = (fields: object) => parseGenerationConfig(JSON.stringify(fields), { vocabSize: 100 });
const OWN = { temperature: 1, topK: 0, topP: 1, minP: 0, repetitionPenalty: 1 };

describe('resolveSampling', () => {
  it("takes the model's own distribution where nobody says how to draw", () => {
    expect(resolveSampling({ seed: 0 }, undefined)).toEqual({ settings: OWN, stops: [], maxNewTokens: undefined });
    expect(resolveSampling({ seed: 0 }, file({ eos_token_id: 2 })).settings).toEqual(OWN);
    expect(resolveSampling({ seed: 0 }, file({ repetition_penalty: 1.1 })).settings.repetitionPenalty).toBe(1.1);
  });

  it("takes the settings of the model's authors, and those of the command line before them", () => {
    const config = file({ do_sample: true, temperature: 0.7, top_k: 20, top_p: 0.8, repetition_penalty: 1.05 });
    const authors = { temperature: 0.7, topK: 20, topP: 0.8, minP: 0, repetitionPenalty: 1.05 };
    expect(resolveSampling({ seed: 0 }, config).settings).toEqual(authors);
    const options = { seed: 0, temperature: 0, topP: 1, repetitionPenalty: 1, minP: 0.1 };
    expect(resolveSampling(options, config).settings).toEqual({
      ...authors,
      ...{ temperature: 0, topP: 1, minP: 0.1, repetitionPenalty: 1 },
    });
    expect(resolveSampling({ seed: 0 }, file({ do_sample: false, top_k: 5 })).settings.temperature).toBe(0);
  });

  it('adds stop texts to those of the file, and takes its length', () => {
    const { stops, maxNewTokens } = resolveSampling(
      { seed: 0, stop: ['b'] },
      file({ stop_strings: ['a'], max_new_tokens: 9 }),
    );
    expect([stops, maxNewTokens]).toEqual([['a', 'b'], 9]);
    expect(resolveSampling({ seed: 0, maxNewTokens: 4 }, file({ max_new_tokens: 9 })).maxNewTokens).toBe(4);
  });

  it('refuses a file that asks for what generation has not, unless a temperature is given', () => {
    const config = file({ num_beams: 4 });
    expect(() => resolveSampling({ seed: 0, topK: 3 }, config)).toThrow('num_beams 4');
    expect(resolveSampling({ seed: 0, temperature: 0.5 }, config).settings.temperature).toBe(0.5);
  });
});
