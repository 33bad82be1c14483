import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { type DecoderConfig, decoderConfigToJson, parseDecoderConfig } from '../../src/config/decoder-config.ts';
import { FAMILIES } from '../../src/families/table.ts';

const SIZES = { hidden_size: 64, intermediate_size: 96, num_hidden_layers: 4, num_attention_heads: 32, vocab_size: 50 };

function parse(fields: object): DecoderConfig {
  return parseDecoderConfig(JSON.stringify({ ...SIZES, ...fields }));
}

function errorOf(call: () => unknown): ToolError {
  try {
    call();
  } catch (error) {
    if (error instanceof ToolError) return error;
    throw error;
  }
  throw new Error('accepted');
}

describe('families', () => {
  it('are listed under their own names', () => {
    for (const [name, family] of Object.entries(FAMILIES)) expect(family.modelType).toBe(name);
  });

  // transformers 4.56 and 5: configuration_{llama,qwen2,qwen3,mistral}.py.
  it.each([
    ['llama', { numKeyValueHeads: 32, headDim: 2, maxPositionEmbeddings: 2048 }],
    ['qwen2', { numKeyValueHeads: 32, headDim: 2, maxPositionEmbeddings: 32_768, attentionBias: 'qkv' }],
    ['qwen3', { numKeyValueHeads: 32, headDim: 128, maxPositionEmbeddings: 32_768, qkNorm: true }],
    [
      'mistral',
      { numKeyValueHeads: 8, headDim: 2, maxPositionEmbeddings: 131_072, layerWindows: [4096, 4096, 4096, 4096] },
    ],
  ])('%s has the defaults of transformers', (modelType, own) => {
    expect(parse({ model_type: modelType })).toEqual({
      modelType,
      vocabSize: 50,
      hiddenSize: 64,
      intermediateSize: 96,
      numHiddenLayers: 4,
      numAttentionHeads: 32,
      rmsNormEps: 1e-6,
      ropeTheta: 10_000,
      tieWordEmbeddings: false,
      eosTokenIds: [],
      ...own,
    });
  });

  it('take as many key heads as query heads where a file says null', () => {
    for (const model_type of Object.keys(FAMILIES)) {
      expect(parse({ model_type, num_attention_heads: 4, num_key_value_heads: null, head_dim: 8 })).toMatchObject({
        numKeyValueHeads: 4,
        headDim: 8,
      });
    }
    expect(errorOf(() => parse({ model_type: 'qwen2', num_attention_heads: 4 })).message).toContain(
      "num_key_value_heads that divides 4, got 32, the family's default",
    );
  });

  it.each([
    ['llama', { attention_bias: true }, { attentionBias: 'qkvo' }],
    ['llama', { mlp_bias: true }, { mlpBias: true }],
    ['qwen2', { attention_bias: true, mlp_bias: false }, { attentionBias: 'qkv' }],
    ['qwen3', { attention_bias: true }, { attentionBias: 'qkvo', qkNorm: true }],
    ['mistral', { attention_bias: false, sliding_window: null }, {}],
  ])('%s reads %j', (model_type, fields, options) => {
    const config = parse({ model_type, ...fields });
    const { attentionBias, mlpBias, qkNorm } = config;
    expect(JSON.parse(JSON.stringify({ attentionBias, mlpBias, qkNorm }))).toEqual(options);
    expect(parseDecoderConfig(JSON.stringify(decoderConfigToJson(config)))).toEqual(config);
  });

  it.each([
    ['llama', { sliding_window: 4096 }, 'no sliding_window, got 4096'],
    ['llama', { use_sliding_window: true, sliding_window: 9 }, 'no sliding_window, got 9'],
    ['llama', { use_sliding_window: true }, 'no use_sliding_window, got true'],
    [
      'llama',
      { layer_types: ['full_attention', 'sliding_attention', 'full_attention', 'full_attention'] },
      'layer_types',
    ],
    ['qwen2', { attention_bias: false }, 'attention_bias true, got false'],
    ['qwen2', { mlp_bias: true }, 'mlp_bias false, got true'],
    [
      'qwen2',
      { layer_types: new Array(4).fill('chunked_attention') },
      'or "sliding_attention", got "chunked_attention"',
    ],
    ['qwen3', { mlp_bias: true }, 'mlp_bias false, got true'],
    ['mistral', { attention_bias: true }, 'attention_bias false, got true'],
    ['mistral', { mlp_bias: true }, 'mlp_bias false, got true'],
    ['mistral', { layer_types: new Array(4).fill('full_attention') }, 'layer_types "sliding_attention" throughout'],
  ])('%s refuses %j by name', (model_type, fields, part) => {
    const error = errorOf(() => parse({ model_type, ...fields }));
    expect(error.code).toBe('config');
    expect(error.message).toContain(part);
  });

  it.each([
    ['llama', { attention_bias: 'yes' }, 'attention_bias as true or false'],
    ['qwen2', { use_sliding_window: 1 }, 'use_sliding_window as true or false'],
    ['qwen2', { use_sliding_window: true, sliding_window: 0 }, 'sliding_window as an integer from 1'],
    ['qwen2', { use_sliding_window: true, max_window_layers: -1 }, 'max_window_layers'],
    ['qwen3', { layer_types: ['full_attention'] }, 'layer_types as a list of 4 texts, got an array of 1'],
    ['qwen3', { layer_types: new Array(4).fill('sliding_attention') }, 'use_sliding_window true'],
    ['mistral', { sliding_window: 1.5 }, 'sliding_window'],
    ['qwen3', { head_dim: 127 }, 'an even head_dim'],
  ])('%s calls %j damaged', (model_type, fields, part) => {
    const error = errorOf(() => parse({ model_type, ...fields }));
    expect(error.code).toBe('corrupt');
    expect(error.message).toContain(part);
  });

  const [full, sliding] = ['full_attention', 'sliding_attention'];
  it.each([
    ['off unless switched on', 'qwen2', { sliding_window: 8, max_window_layers: 0 }, undefined],
    ['off by null', 'qwen2', { use_sliding_window: true, sliding_window: null, max_window_layers: 0 }, undefined],
    ['from a layer up', 'qwen2', { use_sliding_window: true, sliding_window: 8, max_window_layers: 3 }, [0, 0, 0, 8]],
    ['past the last layer', 'qwen3', { use_sliding_window: true, sliding_window: 8 }, undefined],
    ['of the default size', 'qwen2', { use_sliding_window: true, max_window_layers: 2 }, [0, 0, 4096, 4096]],
    [
      'in the layers named',
      'qwen3',
      { use_sliding_window: true, sliding_window: 5, layer_types: [sliding, full, sliding, full] },
      [5, 0, 5, 0],
    ],
    ['named full', 'qwen3', { layer_types: [full, full, full, full] }, undefined],
    ['in no layer', 'llama', { use_sliding_window: false, sliding_window: 4096 }, undefined],
    ['in every layer', 'mistral', { sliding_window: 6 }, [6, 6, 6, 6]],
    ['in every layer by name', 'mistral', { sliding_window: 6, layer_types: new Array(4).fill(sliding) }, [6, 6, 6, 6]],
  ])('windows %s: %s', (_, model_type, fields, windows) => {
    const config = parse({ model_type, ...fields });
    expect(config.layerWindows).toEqual(windows);
    expect(parseDecoderConfig(JSON.stringify(decoderConfigToJson(config)))).toEqual(config);
  });

  it.each([
    ['llama', { layerWindows: [4, 4, 4, 4] }, 'a llama without layerWindows'],
    ['llama', { qkNorm: true }, 'a llama without qkNorm'],
    ['llama', { attentionBias: 'qkv' }, 'a llama without attentionBias'],
    ['qwen2', { attentionBias: 'qkvo' }, 'a qwen2 with attentionBias "qkv"'],
    ['qwen2', { layerWindows: [0, 4, 0, 8] }, 'one size of window, got 4, 8'],
    ['qwen3', { mlpBias: true }, 'a qwen3 without mlpBias'],
    ['qwen3', { qkNorm: false }, 'a qwen3 with qkNorm'],
    ['mistral', { layerWindows: [4, 0, 4, 4] }, 'the same window in every layer'],
  ] as const)('decoderConfigToJson refuses a %s with %j', (model_type, changes, part) => {
    const config: DecoderConfig = { ...parse({ model_type }), ...changes };
    const error = errorOf(() => decoderConfigToJson(config));
    expect(error.code).toBe('config');
    expect(error.message).toContain(part);
  });

  it('writes what the weights are stored as', () => {
    expect(decoderConfigToJson(parse({ model_type: 'qwen3' }), 'bfloat16')).toMatchObject({
      architectures: ['Qwen3ForCausalLM'],
      torch_dtype: 'bfloat16',
    });
  });
});
