import { Adamw, accumulateGradients } from '@dawngrad/autograd';
import { compile, type Device, multiply, read, Scalar, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DecoderModel } from '../../src/decoder/decoder-model.ts';
import { tokenLogProbs } from '../../src/nn/log-probs.ts';
import { packSequences } from '../../src/nn/packed-batch.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SEQUENCES = [5, 17, 1, 30].map((length, s) => Array.from({ length }, (_, i) => (i * 7 + s * 13) % 61));

/** Losses of some steps on one batch, the weights after them, and the launches of the last. */
async function train(hiddenSize: number, isCompiled: boolean, targets: readonly string[]) {
  const model = DecoderModel.create(
    device,
    {
      modelType: 'llama',
      vocabSize: 61,
      hiddenSize,
      intermediateSize: 48,
      numHiddenLayers: 2,
      numAttentionHeads: 4,
      numKeyValueHeads: 2,
      headDim: 8,
      maxPositionEmbeddings: 64,
      rmsNormEps: 1e-5,
      ropeTheta: 10_000,
      tieWordEmbeddings: true,
      eosTokenIds: [],
    },
    { trainable: targets.length === 0 },
  );
  model.initialise(5);
  if (targets.length > 0) model.attachAdapters({ rank: 2, alpha: 4, targets, seed: 3 });
  const parameters = model.trainableParameters();
  const optimizer = new Adamw(parameters, { maxNorm: 1 });
  const losses: number[] = [];
  let launches = 0;
  const result = await scopeAsync(async () => {
    const batch = packSequences(device, SEQUENCES);
    const mask = SEQUENCES.flatMap((ids) => ids.map((_, i) => (i + 1 < ids.length ? -1 / batch.rows : 0)));
    const weights = Tensor.from(device, mask, [batch.rows]);
    const lr = new Scalar(0.01);
    const step = (): Tensor => {
      const { loss } = accumulateGradients([parameters], () => ({
        loss: sum(multiply(tokenLogProbs(model, batch).logp, weights)),
      }));
      optimizer.step(lr);
      return loss;
    };
    const compiled = compile(device, step);
    for (let i = 0; i < 4; i++) {
      const before = device.counters.dispatches;
      losses.push((await read((isCompiled ? compiled : step)()))[0]!);
      launches = device.counters.dispatches - before;
    }
    const values = await read(parameters.arenas[0]!.values);
    compiled.dispose();
    return { losses, values };
  });
  optimizer.dispose();
  model.dispose();
  return { ...result, launches };
}

describe('a compiled training step of a Llama', () => {
  // Widths whose projections are stacked or not, and adapters, which never are.
  it.each([
    ['stacked projections', 32, []],
    ['projections apart', 18, []],
    ['adapters', 32, ['q_proj', 'up_proj']],
  ] as const)('with %s is the eager one bit for bit, in no more launches', async (_, width, targets) => {
    const eager = await train(width, false, targets);
    const compiled = await train(width, true, targets);
    expect(compiled.losses).toEqual(eager.losses);
    expect(compiled.values).toEqual(eager.values);
    expect(compiled.launches).toBeLessThanOrEqual(eager.launches);
    expect(eager.losses[3]!).toBeLessThan(eager.losses[0]!);
  });
});
