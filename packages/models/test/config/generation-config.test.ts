import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { generationConfigToJson, parseGenerationConfig, samplingDefaults } from '../../src/config/generation-config.ts';

const parse = (json: object) => parseGenerationConfig(JSON.stringify(json), { vocabSize: 1000 });

/** The settings that Qwen2.5's instruction models are published with, with ids of a small vocabulary. */
const QWEN = {
  bos_token_id: 643,
  pad_token_id: 643,
  do_sample: true,
  eos_token_id: [645, 643],
  repetition_penalty: 1.05,
  temperature: 0.7,
  top_p: 0.8,
  top_k: 20,
  transformers_version: '4.37.0',
};

describe('parseGenerationConfig', () => {
  it('reads what a file says and nothing else', () => {
    expect(parse({})).toEqual({ eosTokenIds: [], stopStrings: [], unsupported: [] });
    expect(parse(QWEN)).toEqual({
      doSample: true,
      temperature: 0.7,
      topK: 20,
      topP: 0.8,
      repetitionPenalty: 1.05,
      bosTokenId: 643,
      padTokenId: 643,
      eosTokenIds: [645, 643],
      stopStrings: [],
      unsupported: [],
    });
  });

  it('takes the spellings of "none"', () => {
    expect(parse({ top_k: -1, pad_token_id: -1, min_p: null, temperature: 0 })).toEqual({
      topK: 0,
      temperature: 0,
      eosTokenIds: [],
      stopStrings: [],
      unsupported: [],
    });
  });

  it('takes one stop text or several, and lengths', () => {
    expect(parse({ stop_strings: 'END', max_new_tokens: 9, max_length: 40 })).toMatchObject({
      stopStrings: ['END'],
      maxNewTokens: 9,
      maxLength: 40,
    });
    expect(parse({ stop_strings: ['a', 'b'] }).stopStrings).toEqual(['a', 'b']);
  });

  it.each([
    ['temperature', -1],
    ['temperature', 'hot'],
    ['top_k', 1.5],
    ['top_k', -2],
    ['top_p', 0],
    ['top_p', 1.01],
    ['min_p', -0.1],
    ['repetition_penalty', 0],
    ['do_sample', 'yes'],
    ['eos_token_id', 1000],
    ['eos_token_id', [1, -1]],
    ['bos_token_id', [1, 2]],
    ['pad_token_id', 0.5],
    ['max_new_tokens', 0],
    ['max_length', '20'],
    ['stop_strings', ['']],
    ['stop_strings', [1]],
  ])('refuses a %s of %j, by name', (key, value) => {
    expect(() => parse({ [key]: value })).toThrowError(
      expect.objectContaining({ code: 'corrupt', message: expect.stringContaining(key) }),
    );
  });

  it('refuses what is no object and what is too long', () => {
    expect(() => parseGenerationConfig('[]', { vocabSize: 9 })).toThrowError(/a JSON object/);
    expect(() => parseGenerationConfig('{', { vocabSize: 9 })).toThrowError(/generation_config\.json: expected JSON/);
    expect(() => parseGenerationConfig(`{"a":"${'x'.repeat(1 << 20)}"}`, { vocabSize: 9 })).toThrowError(/at most/);
  });

  it('reads back what generationConfigToJson writes', () => {
    for (const json of [{}, QWEN, { do_sample: false, max_new_tokens: 5, stop_strings: ['x'], min_p: 0.1 }]) {
      expect(parse(generationConfigToJson(parse(json)))).toEqual(parse(json));
    }
  });
});

describe('samplingDefaults', () => {
  it('is what transformers would do', () => {
    expect(samplingDefaults(parse(QWEN))).toEqual({
      settings: { temperature: 0.7, topK: 20, topP: 0.8, minP: 0 },
      repetitionPenalty: 1.05,
    });
    // Llama 3.2's file names no top-k; transformers then takes its own default.
    expect(samplingDefaults(parse({ do_sample: true, temperature: 0.6, top_p: 0.9 }))?.settings).toEqual({
      temperature: 0.6,
      topK: 50,
      topP: 0.9,
      minP: 0,
    });
    expect(samplingDefaults(parse({ do_sample: false, temperature: 0.6 }))?.settings.temperature).toBe(0);
    expect(samplingDefaults(parse({ eos_token_id: 2 }))).toBeUndefined();
  });

  it('refuses by name what generation has not, and only that', () => {
    const off = { num_beams: 1, no_repeat_ngram_size: 0, typical_p: 1, bad_words_ids: null, length_penalty: 2 };
    expect(parse(off).unsupported).toEqual([]);
    const config = parse({ ...QWEN, num_beams: 4, suppress_tokens: [5, 6] });
    expect(config.eosTokenIds).toEqual([645, 643]);
    expect(() => samplingDefaults(config)).toThrowError(ToolError);
    expect(() => samplingDefaults(config)).toThrowError(/num_beams 4, suppress_tokens an array of 2/);
  });
});
