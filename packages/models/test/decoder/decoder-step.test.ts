import { accumulateGradients } from '@dawngrad/autograd';
import { type DecoderConfig, DecoderModel, packSequences, tokenLogProbs } from '@dawngrad/models';
import { type Device, multiply, Rng, read, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { referenceLogProbs } from './decoder-reference.ts';
import { referenceStep } from './decoder-reference-step.ts';

const BASE: DecoderConfig = {
  modelType: 'llama',
  vocabSize: 37,
  hiddenSize: 24,
  intermediateSize: 44,
  numHiddenLayers: 2,
  numAttentionHeads: 6,
  numKeyValueHeads: 2,
  headDim: 8,
  maxPositionEmbeddings: 64,
  rmsNormEps: 1e-5,
  ropeTheta: 10000,
  tieWordEmbeddings: false,
  eosTokenIds: [1],
};

const CONFIGS: readonly (readonly [string, DecoderConfig])[] = [
  ['three query heads a key head, untied', BASE],
  ['three query heads a key head, tied', { ...BASE, tieWordEmbeddings: true }],
  [
    'one key head, odd widths, tied',
    { ...BASE, hiddenSize: 19, numKeyValueHeads: 1, headDim: 6, tieWordEmbeddings: true },
  ],
  ['no groups, fast rotation, untied', { ...BASE, numAttentionHeads: 3, numKeyValueHeads: 3, ropeTheta: 100 }],
];

/** Lengths from one token (which has no next one and no loss) to several tiles of the attention kernels. */
const SEQUENCES = [7, 1, 33, 2, 18].map((length, s) =>
  Array.from({ length }, (_, i) => (i * i * 5 + s * 11 + 3) % BASE.vocabSize),
);

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Weights large enough for every part of the model to matter; norms away from 1. */
function randomWeights(model: DecoderModel): Map<string, Float64Array> {
  const rng = new Rng(11, 0x57e9);
  const found = new Map<string, Float64Array>();
  model.base.names.forEach((name, index) => {
    const { shape } = model.base.spec(name);
    const scale = shape.length === 1 ? 0.3 : 1.5 / Math.sqrt(shape[1]!);
    const mean = shape.length === 1 ? 1 : 0;
    const length = model.base.get(name).size;
    const values = Float32Array.from({ length }, (_, i) => mean + scale * rng.normal(index, i));
    model.base.set(name, values);
    found.set(name, Float64Array.from(values));
  });
  return found;
}

describe('the float64 training step', () => {
  it('has the loss and the gradient of an independent forward by central differences', () => {
    const config = CONFIGS[1]![1];
    const rng = new Rng(5, 1);
    const shapes: Record<string, number> = { 'model.embed_tokens.weight': 37 * 24, 'model.norm.weight': 24 };
    for (const layer of [0, 1]) {
      const parts = { input_layernorm: 24, 'self_attn.q_proj': 48 * 24, 'self_attn.k_proj': 16 * 24 };
      const more = { 'self_attn.v_proj': 16 * 24, 'self_attn.o_proj': 24 * 48, post_attention_layernorm: 24 };
      const mlp = { 'mlp.gate_proj': 44 * 24, 'mlp.up_proj': 44 * 24, 'mlp.down_proj': 24 * 44 };
      for (const [part, size] of Object.entries({ ...parts, ...more, ...mlp }))
        shapes[`model.layers.${layer}.${part}.weight`] = size;
    }
    const weights = new Map(
      Object.entries(shapes).map(([name, length], index) => [
        name,
        Float64Array.from({ length }, (_, i) => 0.3 * rng.normal(index, i) + (name.includes('norm') ? 1 : 0)),
      ]),
    );
    const few = SEQUENCES.filter(({ length }) => length < 10);
    const count = few.reduce((total, ids) => total + ids.length - 1, 0);
    const loss = (): number =>
      -few.flatMap((ids) => referenceLogProbs(config, weights, ids)).reduce((a, b) => a + b, 0) / count;
    const step = referenceStep(config, weights, few);
    expect(Math.abs(step.loss - loss())).toBeLessThan(1e-12);
    for (const [name, values] of weights) {
      for (const i of [0, 1, Math.floor(values.length / 2), values.length - 1]) {
        const kept = values[i]!;
        values[i] = kept + 1e-5;
        const above = loss();
        values[i] = kept - 1e-5;
        const below = loss();
        values[i] = kept;
        expect(Math.abs(step.gradients.get(name)![i]! - (above - below) / 2e-5), `${name}[${i}]`).toBeLessThan(1e-8);
      }
    }
  });
});

describe.each(CONFIGS)('a training step of two layers, %s', (_, config) => {
  it('has the loss and every gradient of the float64 implementation', async () => {
    const model = DecoderModel.create(device, config, { trainable: true });
    const weights = randomWeights(model);
    const expected = referenceStep(config, weights, SEQUENCES);
    const count = SEQUENCES.reduce((total, ids) => total + ids.length - 1, 0);
    const mask = SEQUENCES.flatMap((ids) => ids.map((_id, t) => (t + 1 < ids.length ? -1 / count : 0)));
    await scopeAsync(async () => {
      const batch = packSequences(device, SEQUENCES);
      const weighting = Tensor.from(device, mask, [batch.rows]);
      const { loss } = accumulateGradients([model.base], () => ({
        loss: sum(multiply(tokenLogProbs(model, batch).logp, weighting)),
      }));
      expect(Math.abs((await read(loss))[0]! - expected.loss)).toBeLessThan(1e-5 * expected.loss);
    });
    for (const name of model.base.names) {
      const actual = await read(model.base.gradient(name)!);
      const wanted = expected.gradients.get(name)!;
      const largest = wanted.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      expect(largest, name).toBeGreaterThan(0);
      expect(actual.length, name).toBe(wanted.length);
      const worst = wanted.reduce((most, value, i) => Math.max(most, Math.abs(actual[i]! - value)), 0);
      expect(worst / largest, `${name}: largest error by the largest gradient`).toBeLessThan(2e-5);
    }
    model.dispose();
  });
});
