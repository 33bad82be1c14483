import { accumulateGradients } from '@dawngrad/autograd';
import { type DecoderConfig, DecoderModel, packSequences, tokenLogProbs } from '@dawngrad/models';
import { type Device, multiply, read, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceLogProbs, type Weights } from './decoder-reference.ts';

const CONFIG: DecoderConfig = {
  modelType: 'llama',
  vocabSize: 23,
  hiddenSize: 16,
  intermediateSize: 20,
  numHiddenLayers: 2,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  headDim: 4,
  maxPositionEmbeddings: 32,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  tieWordEmbeddings: false,
  eosTokenIds: [1],
};
const SEQUENCES = [
  [3, 5, 7, 2, 9, 1],
  [4, 4],
  [22, 0, 11, 8, 6, 13, 20, 19, 1],
];

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

async function weightsOf(model: DecoderModel): Promise<Map<string, Float64Array>> {
  const found = new Map<string, Float64Array>();
  for (const name of model.base.names) found.set(name, Float64Array.from(await read(model.base.get(name))));
  return found;
}

/** Larger weights than the initialisation's, so that every part of the model matters much. */
async function sizeableModel(config: DecoderConfig): Promise<DecoderModel> {
  const model = DecoderModel.create(device, config, { trainable: true });
  model.initialise(7);
  for (const name of model.base.names) {
    const values = (await read(model.base.get(name))) as Float32Array;
    model.base.set(
      name,
      values.map((value) => (name.includes('norm') ? value : value * 2)),
    );
  }
  return model;
}

/** Masks that leave out the last row of each sequence. */
function rowMask(sequences: readonly number[][]): Float32Array<ArrayBuffer> {
  return Float32Array.from(sequences.flatMap((sequence) => sequence.map((_, i) => (i + 1 < sequence.length ? 1 : 0))));
}

describe.each([
  ['untied', CONFIG],
  ['tied', { ...CONFIG, tieWordEmbeddings: true }],
] as const)('a Llama with %s output matrix', (_, config) => {
  it('gives the log-probabilities of the float64 reference for packed sequences', async () => {
    const model = await sizeableModel(config);
    const weights: Weights = await weightsOf(model);
    const logp = await scopeAsync(async () => read(tokenLogProbs(model, packSequences(device, SEQUENCES)).logp));
    let row = 0;
    for (const sequence of SEQUENCES) {
      referenceLogProbs(config, weights, sequence).forEach((expected, t) => {
        expect(Math.abs(logp[row + t]! - expected)).toBeLessThan(2e-5);
      });
      row += sequence.length;
    }
    model.dispose();
  });

  it('has the gradient of the float64 reference for every weight', async () => {
    const model = await sizeableModel(config);
    const weights = await weightsOf(model);
    await scopeAsync(async () => {
      const batch = packSequences(device, SEQUENCES);
      const mask = Tensor.from(device, rowMask(SEQUENCES), [batch.rows]);
      accumulateGradients([model.base], () => ({ loss: sum(multiply(tokenLogProbs(model, batch).logp, mask)) }));
      await device.finish();
    });
    const objective = (): number =>
      SEQUENCES.reduce(
        (total, sequence) => total + referenceLogProbs(config, weights, sequence).reduce((a, b) => a + b, 0),
        0,
      );
    for (const name of model.base.names) {
      const gradient = (await read(model.base.gradient(name)!)) as Float32Array;
      const values = weights.get(name)!;
      const largest = gradient.reduce((a, b) => Math.max(a, Math.abs(b)), 0);
      for (const i of [0, Math.floor(values.length / 3), values.length - 1]) {
        const kept = values[i]!;
        values[i] = kept + 1e-5;
        const above = objective();
        values[i] = kept - 1e-5;
        const below = objective();
        values[i] = kept;
        expect(Math.abs(gradient[i]! - (above - below) / 2e-5), `${name}[${i}]`).toBeLessThan(
          1e-4 * Math.max(1, largest),
        );
      }
    }
    model.dispose();
  });
});

describe('packing', () => {
  it('gives a sequence the same bits alone and packed with others', async () => {
    const model = await sizeableModel(CONFIG);
    const [together, alone] = await scopeAsync(async () => [
      await read(tokenLogProbs(model, packSequences(device, SEQUENCES)).logp),
      await read(tokenLogProbs(model, packSequences(device, [SEQUENCES[2]!])).logp),
    ]);
    expect(Array.from(together!.slice(8, 16))).toEqual(Array.from(alone!.slice(0, 8)));
    model.dispose();
  });

  it('refuses a sequence that is longer than the rotary table', async () => {
    const model = DecoderModel.create(device, CONFIG, { trainable: false });
    await scopeAsync(async () => {
      const batch = packSequences(device, [Array.from({ length: 33 }, () => 1)]);
      expect(() => model.hidden(batch)).toThrowError(/at most 32 tokens, got one of 33/);
    });
    model.dispose();
  });
});

describe('adapters', () => {
  it('change nothing while fresh, and train without touching the base', async () => {
    const model = await sizeableModel(CONFIG);
    const batchOf = (): ReturnType<typeof packSequences> => packSequences(device, SEQUENCES);
    const plain = await scopeAsync(async () => read(tokenLogProbs(model, batchOf()).logp));
    const adapters = model.attachAdapters({ rank: 4, alpha: 8, targets: ['q_proj', 'down_proj'], seed: 3 });
    const fresh = await scopeAsync(async () => read(tokenLogProbs(model, batchOf()).logp));
    expect(Array.from(fresh)).toEqual(Array.from(plain));
    for (const name of adapters.parameters.names.filter((n) => n.includes('lora_B'))) {
      const size = adapters.parameters.get(name).size;
      adapters.parameters.set(
        name,
        Float32Array.from({ length: size }, (_, i) => Math.sin(i) * 0.1),
      );
    }
    const adapted = await scopeAsync(async () => read(tokenLogProbs(model, batchOf()).logp));
    const reference = await scopeAsync(async () => read(tokenLogProbs(model, batchOf(), { adapters: false }).logp));
    expect(Array.from(adapted)).not.toEqual(Array.from(plain));
    expect(Array.from(reference)).toEqual(Array.from(plain));
    model.dispose();
  });

  it('refuses targets that no linear has', async () => {
    const model = DecoderModel.create(device, CONFIG, { trainable: false });
    expect(() => model.attachAdapters({ rank: 4, alpha: 8, targets: ['qproj'], seed: 3 })).toThrowError(/q_proj/);
    model.dispose();
  });
});
