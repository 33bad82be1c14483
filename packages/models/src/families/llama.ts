import { refuseWindows } from '../config/layer-windows.ts';
import type { Family } from './family.ts';
import { refuseOptions } from './refuse-options.ts';

/**
 * Llama (Touvron et al., 2023): the plain decoder. Its biases are an option of the file, of all four attention linears
 * or all three of the MLP. Defaults: transformers' LlamaConfig.
 */
export const llama: Family = {
  modelType: 'llama',
  architecture: 'LlamaForCausalLM',
  defaults: { maxPositionEmbeddings: 2048 },
  readOptions: (read, layers) => {
    refuseWindows(read, layers);
    return {
      ...(read.boolean('attention_bias', false) ? { attentionBias: 'qkvo' } : {}),
      ...(read.boolean('mlp_bias', false) ? { mlpBias: true } : {}),
    };
  },
  writeOptions: (config) => {
    refuseOptions(config, ['qkNorm', 'layerWindows']);
    if (config.attentionBias === 'qkv') refuseOptions(config, ['attentionBias']);
    return { attention_bias: config.attentionBias !== undefined, mlp_bias: config.mlpBias ?? false };
  },
};
