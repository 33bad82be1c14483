import { readFileSync } from 'node:fs';
import { ToolError } from '@dawngrad/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decoderConfigToJson, parseDecoderConfig } from '../../src/config/decoder-config.ts';
import { sharedData } from '../shared-data.ts';

const SOUND = {
  model_type: 'llama',
  hidden_size: 64,
  intermediate_size: 172,
  num_hidden_layers: 5,
  num_attention_heads: 8,
  num_key_value_heads: 4,
  vocab_size: 512,
};

function errorOf(changes: Readonly<Record<string, unknown>> | string): ToolError {
  try {
    parseDecoderConfig(typeof changes === 'string' ? changes : JSON.stringify({ ...SOUND, ...changes }));
  } catch (error) {
    if (error instanceof ToolError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('parseDecoderConfig', () => {
  it('fills absent fields as transformers does', () => {
    expect(parseDecoderConfig(JSON.stringify(SOUND))).toEqual({
      modelType: 'llama',
      vocabSize: 512,
      hiddenSize: 64,
      intermediateSize: 172,
      numHiddenLayers: 5,
      numAttentionHeads: 8,
      numKeyValueHeads: 4,
      headDim: 8,
      maxPositionEmbeddings: 2048,
      rmsNormEps: 1e-6,
      ropeTheta: 10_000,
      tieWordEmbeddings: false,
      eosTokenIds: [],
    });
  });

  it('takes one end token or several, and no pad token written as -1', () => {
    const parse = (changes: object) => parseDecoderConfig(JSON.stringify({ ...SOUND, ...changes }));
    expect(parse({ eos_token_id: 2 }).eosTokenIds).toEqual([2]);
    expect(parse({ eos_token_id: [2, 7, 9] }).eosTokenIds).toEqual([2, 7, 9]);
    expect(parse({ pad_token_id: -1 }).padTokenId).toBeUndefined();
    expect(parse({ pad_token_id: null, bos_token_id: 1 })).toMatchObject({ bosTokenId: 1 });
  });

  it.each([
    ['model_type', { model_type: 'mamba' }, 'model_type among llama, qwen2, qwen3, mistral, got "mamba"'],
    ['an inherited name', { model_type: 'toString' }, 'got "toString"'],
    ['another head', { architectures: ['LlamaForSequenceClassification'] }, 'architectures ["LlamaForCausalLM"]'],
    ['another family', { architectures: ['Qwen2ForCausalLM'] }, 'got "Qwen2ForCausalLM"'],
    ['hidden_act', { hidden_act: 'gelu' }, 'hidden_act "silu" or "swish", got "gelu"'],
    ['quantization_config', { quantization_config: { bits: 4 } }, 'no quantization_config, got an object'],
    ['partial_rotary_factor', { partial_rotary_factor: 0.5 }, 'partial_rotary_factor 1, got 0.5'],
    ['experts', { num_local_experts: 8 }, 'num_local_experts 0 or 1, got 8'],
    ['soft caps', { final_logit_softcapping: 30 }, 'no final_logit_softcapping, got 30'],
    ['both directions', { is_causal: false }, 'is_causal true, got false'],
  ])('refuses by name what is not supported: %s', (_, changes, part) => {
    const error = errorOf(changes);
    expect(error.code).toBe('config');
    expect(error.message).toContain(part);
  });

  it('takes what says that nothing of it is on, and what does not matter', () => {
    const off = {
      architectures: ['LLaMAForCausalLM'],
      hidden_act: 'swish',
      quantization_config: null,
      partial_rotary_factor: 1,
      is_encoder_decoder: false,
      attention_dropout: 0.1,
      pretraining_tp: 2,
      use_cache: false,
      dtype: 'bfloat16',
      auto_map: {},
    };
    expect(parseDecoderConfig(JSON.stringify({ ...SOUND, ...off }))).toEqual(parseDecoderConfig(JSON.stringify(SOUND)));
  });

  it.each([
    ['no model_type', { model_type: undefined }, 'a string model_type'],
    ['a missing width', { hidden_size: undefined }, 'hidden_size as an integer from 1'],
    ['a width of 0', { hidden_size: 0 }, 'hidden_size'],
    ['a fractional width', { hidden_size: 64.5 }, 'hidden_size'],
    ['a width as text', { hidden_size: '64' }, 'hidden_size'],
    ['a huge vocabulary', { vocab_size: 1e9 }, 'vocab_size'],
    ['a negative layer count', { num_hidden_layers: -1 }, 'num_hidden_layers'],
    ['heads that do not group', { num_key_value_heads: 3 }, 'num_key_value_heads that divides 8'],
    ['heads that do not divide the width', { hidden_size: 65 }, 'that divides the hidden_size 65'],
    ['an odd head', { head_dim: 7 }, 'an even head_dim'],
    ['an end token outside the vocabulary', { eos_token_id: 512 }, 'eos_token_id from 0 to 511'],
    ['a list of begin tokens', { bos_token_id: [1, 2] }, 'one bos_token_id'],
    ['a fractional pad token', { pad_token_id: 0.5 }, 'pad_token_id'],
    ['a negative epsilon', { rms_norm_eps: -1e-6 }, 'rms_norm_eps'],
    ['an epsilon of text', { rms_norm_eps: 'NaN' }, 'rms_norm_eps'],
    ['a rope base of 0', { rope_theta: 0 }, 'rope_theta'],
    ['tying as text', { tie_word_embeddings: 'yes' }, 'tie_word_embeddings'],
    ['broken JSON', '{"model_type": "llama",', 'JSON'],
    ['a repeated field', '{"model_type":"llama","vocab_size":1,"vocab_size":2}', '"vocab_size" twice'],
    ['a bare array', '[]', 'a JSON object'],
    ['an infinite number', '{"model_type":"llama","vocab_size":1E999}', 'a double can hold'],
    ['a text over the cap', `{"a":"${'x'.repeat(1 << 20)}"}`, 'at most 1048576 bytes'],
  ])('refuses a damaged file: %s', (_, changes, part) => {
    const error = errorOf(changes);
    expect(error.code).toBe('corrupt');
    expect(error.message).toMatch(/^config\.json: expected /);
    expect(error.message).toContain(part);
  });

  it('reads back what decoderConfigToJson writes', () => {
    const id = fc.nat(511);
    const config = fc.record({
      rms_norm_eps: fc.constantFrom(1e-5, 1e-6),
      rope_theta: fc.integer({ min: 1, max: 1e6 }),
      head_dim: fc.constantFrom(2, 8, 64),
      tie_word_embeddings: fc.boolean(),
      eos_token_id: fc.oneof(id, fc.uniqueArray(id), fc.constant(null)),
      bos_token_id: fc.option(id),
      pad_token_id: fc.option(id),
    });
    fc.assert(
      fc.property(config, (changes) => {
        const parsed = parseDecoderConfig(JSON.stringify({ ...SOUND, ...changes }));
        expect(parseDecoderConfig(JSON.stringify(decoderConfigToJson(parsed)))).toEqual(parsed);
      }),
    );
  });

  const stories = sharedData('models/stories260K/config.json');
  it.skipIf(!stories.isPresent)('reads the config of stories260K', () => {
    expect(parseDecoderConfig(readFileSync(stories.path, 'utf8'))).toMatchObject({
      numAttentionHeads: 8,
      numKeyValueHeads: 4,
      tieWordEmbeddings: true,
      rmsNormEps: 1e-5,
      eosTokenIds: [2],
    });
  });
});
