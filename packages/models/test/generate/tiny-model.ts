import type { Device } from '@dawngrad/tensor';
import type { DecoderConfig } from '../../src/config/decoder-config.ts';
import { DecoderModel } from '../../src/decoder/decoder-model.ts';

/** A small Llama with grouped-query attention and weights large enough that its distributions are not flat. */
export function tinyModel(device: Device, changes: Partial<DecoderConfig> = {}, seed = 3): DecoderModel {
  const config: DecoderConfig = {
    modelType: 'llama',
    vocabSize: 37,
    hiddenSize: 24,
    intermediateSize: 40,
    numHiddenLayers: 2,
    numAttentionHeads: 4,
    numKeyValueHeads: 2,
    headDim: 6,
    maxPositionEmbeddings: 64,
    rmsNormEps: 1e-5,
    ropeTheta: 10_000,
    tieWordEmbeddings: false,
    eosTokenIds: [],
    ...changes,
  };
  const model = DecoderModel.create(device, config, { trainable: false });
  model.initialise(seed);
  const output = config.tieWordEmbeddings ? 'model.embed_tokens.weight' : 'lm_head.weight';
  const { shape } = model.base.spec(output);
  // Deviation 0.4 instead of 0.02: logits of a few units.
  const large = tinyNormals(shape[0]! * shape[1]!, seed).map((value) => value * 0.4);
  model.base.set(output, large);
  return model;
}

/** Sums of uniform numbers from a small linear congruential generator: near enough to normal. */
function tinyNormals(count: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed >>> 0;
  return Float32Array.from({ length: count }, () => {
    let sum = -6;
    for (let i = 0; i < 12; i++) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      sum += state / 2 ** 32;
    }
    return sum;
  });
}
