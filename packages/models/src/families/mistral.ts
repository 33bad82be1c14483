import { mistralWindowsToJson, readMistralWindows } from '../config/layer-windows.ts';
import type { Family } from './family.ts';
import { refuseOptions } from './refuse-options.ts';

/**
 * Mistral (Jiang et al., 2023): a Llama without biases whose layers may all have a window. Defaults: transformers'
 * MistralConfig.
 */
export const mistral: Family = {
  modelType: 'mistral',
  architecture: 'MistralForCausalLM',
  defaults: { maxPositionEmbeddings: 131_072, numKeyValueHeads: 8 },
  readOptions: (read, layers) => {
    read.refuseUnless('attention_bias', [false]);
    read.refuseUnless('mlp_bias', [false]);
    const layerWindows = readMistralWindows(read, layers);
    return layerWindows === undefined ? {} : { layerWindows };
  },
  writeOptions: (config) => {
    refuseOptions(config, ['attentionBias', 'mlpBias', 'qkNorm']);
    return mistralWindowsToJson(config.layerWindows);
  },
};
