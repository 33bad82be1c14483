import { ToolError } from '@dawngrad/tensor';
import { qwenWindowsToJson, readQwenWindows } from '../config/layer-windows.ts';
import type { Family } from './family.ts';
import { refuseOptions } from './refuse-options.ts';

/**
 * Qwen3 (Yang et al., 2025): queries and keys normalised head by head, heads of 128 whatever the width, biases of the
 * four attention linears an option of the file. Defaults: transformers' Qwen3Config.
 */
export const qwen3: Family = {
  modelType: 'qwen3',
  architecture: 'Qwen3ForCausalLM',
  defaults: { maxPositionEmbeddings: 32_768, numKeyValueHeads: 32, headDim: 128 },
  readOptions: (read, layers) => {
    read.refuseUnless('mlp_bias', [false]);
    const layerWindows = readQwenWindows(read, layers);
    return {
      ...(read.boolean('attention_bias', false) ? { attentionBias: 'qkvo' } : {}),
      qkNorm: true,
      ...(layerWindows === undefined ? {} : { layerWindows }),
    };
  },
  writeOptions: (config) => {
    refuseOptions(config, ['mlpBias']);
    if (config.attentionBias === 'qkv') refuseOptions(config, ['attentionBias']);
    if (config.qkNorm !== true) {
      throw new ToolError('config', { op: 'config.json', expected: 'a qwen3 with qkNorm', got: 'none' });
    }
    return {
      attention_bias: config.attentionBias !== undefined,
      ...qwenWindowsToJson(config.layerWindows, config.numHiddenLayers),
    };
  },
};
