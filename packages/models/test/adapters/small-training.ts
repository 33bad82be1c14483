import { Adamw, accumulateGradients } from '@dawngrad/autograd';
import { type DecoderConfig, DecoderModel, packSequences, tokenLogProbs } from '@dawngrad/models';
import { type Device, multiply, read, scopeAsync, sum, Tensor } from '@dawngrad/tensor';

const CONFIG: DecoderConfig = {
  modelType: 'llama',
  vocabSize: 32,
  hiddenSize: 32,
  intermediateSize: 48,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 8,
  maxPositionEmbeddings: 32,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  tieWordEmbeddings: true,
  eosTokenIds: [1],
};

const SEQUENCES = [9, 20, 5].map((length, s) =>
  Array.from({ length }, (_, i) => (i * (s + 2) + s * 7) % CONFIG.vocabSize),
);

/** Trains a small model from a fixed start and returns the loss before each step. Runs in Node and in a browser. */
export async function trainSmallModel(device: Device, steps: number): Promise<number[]> {
  const model = DecoderModel.create(device, CONFIG, { trainable: true });
  model.initialise(3);
  const optimizer = new Adamw(model.base, { weightDecay: 0.1, maxNorm: 1 });
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const loss = await scopeAsync(async () => {
      const batch = packSequences(device, SEQUENCES);
      const count = batch.rows - SEQUENCES.length;
      const mask = SEQUENCES.flatMap((ids) => ids.map((_, i) => (i + 1 < ids.length ? -1 / count : 0)));
      const weights = Tensor.from(device, mask, [batch.rows]);
      const { loss } = accumulateGradients([model.base], () => ({
        loss: sum(multiply(tokenLogProbs(model, batch).logp, weights)),
      }));
      optimizer.step(0.01);
      return (await read(loss))[0]!;
    });
    losses.push(loss);
  }
  optimizer.dispose();
  model.dispose();
  return losses;
}
