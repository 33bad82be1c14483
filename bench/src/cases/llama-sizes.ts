import type { DecoderConfig } from '@dawngrad/models';
import type { Params } from '../row.ts';

/** A model that trains within minutes on a software adapter. */
export const SMALL_LLAMA = llama({ vocabSize: 68, width: 64, inner: 172, layers: 2, heads: 4, kvHeads: 4 });
/** One whose time goes into its matrices, with a vocabulary as small published models have it. */
export const LARGER_LLAMA = llama({ vocabSize: 8192, width: 256, inner: 688, layers: 4, heads: 8, kvHeads: 4 });
/** The shape of stories260K, a trained model of 260,000 weights. */
export const STORIES_LLAMA = llama({ vocabSize: 512, width: 64, inner: 172, layers: 5, heads: 8, kvHeads: 4 });
/** A layer of Qwen2.5-0.5B, without biases, and a small output matrix. */
export const ONE_QWEN_LAYER = llama({ vocabSize: 1024, width: 896, inner: 4864, layers: 1, heads: 14, kvHeads: 2 });

interface LlamaSize {
  readonly vocabSize: number;
  readonly width: number;
  readonly inner: number;
  readonly layers: number;
  readonly heads: number;
  readonly kvHeads: number;
}

function llama({ vocabSize, width, inner, layers, heads, kvHeads }: LlamaSize): DecoderConfig {
  return {
    modelType: 'llama',
    vocabSize,
    hiddenSize: width,
    intermediateSize: inner,
    numHiddenLayers: layers,
    numAttentionHeads: heads,
    numKeyValueHeads: kvHeads,
    headDim: width / heads,
    maxPositionEmbeddings: 1024,
    rmsNormEps: 1e-5,
    ropeTheta: 10000,
    tieWordEmbeddings: true,
    eosTokenIds: [],
  };
}

export function describeLlama(config: DecoderConfig): string {
  const { hiddenSize, intermediateSize, numHiddenLayers, numAttentionHeads, numKeyValueHeads, vocabSize } = config;
  return `D${hiddenSize} F${intermediateSize} L${numHiddenLayers} H${numAttentionHeads} K${numKeyValueHeads} V${vocabSize}`;
}

/** Weights of the linears inside the blocks. */
export function linearParameters(config: DecoderConfig): number {
  const { hiddenSize: d, intermediateSize: f, numHiddenLayers, headDim: e } = config;
  const attention = 2 * d * e * (config.numAttentionHeads + config.numKeyValueHeads);
  return numHiddenLayers * (attention + 3 * d * f);
}

export function llamaParams(config: DecoderConfig): Params {
  const { hiddenSize, intermediateSize, numHiddenLayers, numAttentionHeads, numKeyValueHeads, vocabSize } = config;
  return {
    width: hiddenSize,
    inner: intermediateSize,
    layers: numHiddenLayers,
    heads: numAttentionHeads,
    kvHeads: numKeyValueHeads,
    vocabulary: vocabSize,
  };
}
