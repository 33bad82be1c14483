import { ToolError } from '@dawngrad/tensor';
import { qwenWindowsToJson, readQwenWindows } from '../config/layer-windows.ts';
import type { Family } from './family.ts';
import { refuseOptions } from './refuse-options.ts';

/**
 * Qwen2 and Qwen2.5 (Yang et al., 2024): biases on q, k and v whatever the file says, and windows in the upper layers
 * where they are switched on. Defaults: transformers' Qwen2Config.
 */
export const qwen2: Family = {
  modelType: 'qwen2',
  architecture: 'Qwen2ForCausalLM',
  defaults: { maxPositionEmbeddings: 32_768, numKeyValueHeads: 32 },
  readOptions: (read, layers) => {
    read.refuseUnless('attention_bias', [true]);
    read.refuseUnless('mlp_bias', [false]);
    const layerWindows = readQwenWindows(read, layers);
    return { attentionBias: 'qkv', ...(layerWindows === undefined ? {} : { layerWindows }) };
  },
  writeOptions: (config) => {
    refuseOptions(config, ['mlpBias', 'qkNorm']);
    if (config.attentionBias !== 'qkv') {
      throw new ToolError('config', {
        op: 'config.json',
        expected: 'a qwen2 with attentionBias "qkv"',
        got: JSON.stringify(config.attentionBias ?? null),
      });
    }
    return qwenWindowsToJson(config.layerWindows, config.numHiddenLayers);
  },
};
