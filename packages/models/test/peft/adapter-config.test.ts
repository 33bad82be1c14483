import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { adapterConfigToJson, parseAdapterConfig } from '../../src/peft/adapter-config.ts';

/** As PEFT 0.21 saved it, but for the values of the first lines. */
const SAVED = {
  r: 16,
  lora_alpha: 32,
  lora_dropout: 0.05,
  target_modules: ['v_proj', 'q_proj'],
  base_model_name_or_path: 'Qwen/Qwen2.5-0.5B-Instruct',
  peft_type: 'LORA',
  task_type: 'CAUSAL_LM',
  alora_invocation_tokens: null,
  alpha_pattern: {},
  arrow_config: null,
  auto_mapping: null,
  bias: 'none',
  corda_config: null,
  ensure_weight_tying: false,
  eva_config: null,
  exclude_modules: null,
  fan_in_fan_out: false,
  inference_mode: true,
  init_lora_weights: true,
  layer_replication: null,
  layers_pattern: null,
  layers_to_transform: null,
  loftq_config: {},
  lora_bias: false,
  megatron_config: null,
  megatron_core: 'megatron.core',
  modules_to_save: null,
  peft_version: '0.21.0',
  qalora_group_size: 16,
  rank_pattern: {},
  revision: null,
  target_parameters: null,
  trainable_token_indices: null,
  use_dora: false,
  use_qalora: false,
  use_rslora: false,
};

function parse(change: object): ReturnType<typeof parseAdapterConfig> {
  return parseAdapterConfig(JSON.stringify({ ...SAVED, ...change }));
}

describe('parseAdapterConfig', () => {
  it('reads what PEFT writes', () => {
    expect(parse({})).toEqual({
      rank: 16,
      alpha: 32,
      rsLora: false,
      dropout: 0.05,
      targets: ['v_proj', 'q_proj'],
      baseModel: 'Qwen/Qwen2.5-0.5B-Instruct',
    });
  });

  it('reads and writes every option', () => {
    const config = parse({
      use_rslora: true,
      exclude_modules: ['up_proj'],
      rank_pattern: { q_proj: 4 },
      alpha_pattern: { '.*v_proj': 7.5 },
      layers_to_transform: 3,
      layers_pattern: 'layers',
      modules_to_save: ['lm_head'],
      revision: 'main',
    });
    expect(config).toMatchObject({
      layers: [3],
      layersPattern: ['layers'],
      modulesToSave: ['lm_head'],
      revision: 'main',
    });
    expect(parseAdapterConfig(JSON.stringify(adapterConfigToJson(config)))).toEqual({
      ...config,
      targets: ['q_proj', 'v_proj'],
    });
    const keys = Object.keys(adapterConfigToJson(config));
    expect(keys).toEqual([...keys].sort());
  });

  it.each([
    ['use_dora', true],
    ['use_qalora', true],
    ['lora_bias', true],
    ['bias', 'all'],
    ['fan_in_fan_out', true],
    ['peft_type', 'IA3'],
    ['init_lora_weights', 'pissa_niter_16'],
    ['init_lora_weights', 'olora'],
    ['layer_replication', [[0, 4]]],
    ['trainable_token_indices', [1]],
    ['target_parameters', ['x']],
    ['alora_invocation_tokens', [5]],
    ['megatron_config', { a: 1 }],
    ['ensure_weight_tying', true],
    ['some_future_method', 'on'],
  ])('refuses %s = %j by name', (key, value) => {
    try {
      parse({ [key]: value });
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ToolError);
      expect(error).toMatchObject({ code: 'config' });
      expect((error as ToolError).message).toMatch(/^adapter_config\.json: expected /);
      expect((error as ToolError).message).toMatch(key === 'init_lora_weights' ? 'the base as it was published' : key);
    }
  });

  it.each([
    [{ r: 0 }, 'r as an integer'],
    [{ r: '8' }, 'r as an integer'],
    [{ r: 1e9 }, 'r as an integer'],
    [{ lora_alpha: -1 }, 'lora_alpha over 0'],
    [{ lora_dropout: 1 }, 'lora_dropout'],
    [{ target_modules: null }, 'target_modules'],
    [{ target_modules: [1] }, 'target_modules as names'],
    [{ target_modules: '.*q_proj', layers_to_transform: [1] }, 'layers_to_transform with a list'],
    [{ layers_to_transform: [-1] }, 'layers_to_transform as numbers'],
    [{ rank_pattern: { q_proj: 0 } }, 'q_proj as an integer'],
    [{ rank_pattern: [] }, 'rank_pattern as an object'],
    [{ base_model_name_or_path: 7 }, 'base_model_name_or_path as a text'],
  ])('refuses %j as damaged', (change, part) => {
    expect(() => parse(change)).toThrow(part);
  });

  it.each(['[]', '{', '{"r":1,"r":2}', `{"a":${'['.repeat(1000)}`, 'null'])('refuses the text %j', (text) => {
    expect(() => parseAdapterConfig(text)).toThrow(/^adapter_config\.json: expected /);
  });
});
