import { accumulateGradients } from '@dawngrad/autograd';
import { type Device, multiply, readAll, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { describe, expect, it } from 'vitest';
import type { DecoderConfig } from '../../src/config/decoder-config.ts';
import { DecoderModel } from '../../src/decoder/decoder-model.ts';
import { tokenLogProbs } from '../../src/nn/log-probs.ts';
import { packSequences } from '../../src/nn/packed-batch.ts';

const CONFIG: DecoderConfig = {
  modelType: 'llama',
  vocabSize: 61,
  hiddenSize: 32,
  intermediateSize: 96,
  numHiddenLayers: 6,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 8,
  maxPositionEmbeddings: 128,
  rmsNormEps: 1e-5,
  ropeTheta: 10_000,
  tieWordEmbeddings: true,
  eosTokenIds: [],
};
const SEQUENCES = [100, 1, 91].map((length, s) =>
  Array.from({ length }, (_, i) => (i * 7 + s * 13) % CONFIG.vocabSize),
);

/** A device of its own for each run, so that its peak is that of the run. */
async function gradients(
  recomputes: boolean,
  lora: boolean,
): Promise<{ loss: number; bits: Uint32Array[]; peak: number }> {
  using device: Device = await openDevice();
  const model = DecoderModel.create(device, CONFIG, { trainable: !lora });
  model.initialise(5);
  if (lora) {
    const adapters = model.attachAdapters({ rank: 3, alpha: 6, targets: ['q_proj', 'down_proj', 'up_proj'], seed: 1 });
    for (const name of adapters.parameters.names) {
      const { size } = adapters.parameters.get(name);
      adapters.parameters.set(
        name,
        Float32Array.from({ length: size }, (_, i) => Math.sin(i + name.length) / 9),
      );
    }
  }
  model.recomputesBlocks = recomputes;
  const parameters = model.trainableParameters();
  const result = await scopeAsync(async () => {
    const batch = packSequences(device, SEQUENCES);
    const weights = Tensor.from(
      device,
      Float32Array.from({ length: batch.rows }, (_, i) => Math.cos(i)),
      [batch.rows],
    );
    const { loss } = accumulateGradients([parameters], () => ({
      loss: sum(multiply(tokenLogProbs(model, batch).logp, weights)),
    }));
    const [first, ...rest] = await readAll([loss, ...parameters.arenas.map(({ gradients }) => gradients!)]);
    return { loss: first![0]!, bits: rest.map((values) => new Uint32Array(values.buffer)) };
  });
  const peak = device.memory.peakLiveBytes;
  model.dispose();
  return { ...result, peak };
}

describe('a model that recomputes its blocks', () => {
  it.each([
    ['all weights', false],
    ['adapters', true],
  ])('has the gradients of one that keeps them, bit for bit, of %s, in less memory', async (_, lora) => {
    const kept = await gradients(false, lora);
    const again = await gradients(true, lora);
    expect(again.loss).toBe(kept.loss);
    expect(again.bits).toEqual(kept.bits);
    expect(again.bits.some((arena) => arena.some((word) => word !== 0))).toBe(true);
    // One block's activations instead of six: what stays is the weights and one row of D a token and layer.
    expect(again.peak).toBeLessThan(kept.peak / 2);
  });
});
