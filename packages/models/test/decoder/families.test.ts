import { DecoderModel, packSequences, parseDecoderConfig, tokenLogProbs } from '@dawngrad/models';
import { type Device, read, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WeightIndex } from '../../src/io/weight-index.ts';
import { referenceEntropies, referenceLogits, referenceLogProbs, type Weights } from './decoder-reference.ts';
import { checkpointFiles, SMALL_CHECKPOINTS, type Storage, smallWeights } from './small-checkpoints.ts';

const STORAGES: readonly Storage[] = (['F32', 'F16', 'BF16'] as const).flatMap((dtype) =>
  [1, 3].map((shards) => ({ dtype, shards })),
);
/** Lengths from one token to several windows. */
const LENGTHS = [7, 1, 29];

// Older lavapipe compiles a kernel for up to a minute the first time it meets it.
vi.setConfig({ testTimeout: 300_000 });

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe.each(SMALL_CHECKPOINTS)('%s', (_, json) => {
  const config = parseDecoderConfig(JSON.stringify(json));
  const stored = smallWeights(json);
  const weights: Weights = new Map([...stored].map(([name, { values }]) => [name, values]));
  const sequences = LENGTHS.map((length, s) =>
    Array.from({ length }, (_id, i) => (i * i * 5 + s * 11 + 3) % json.vocab_size),
  );
  const logits = sequences.map((ids) => referenceLogits(config, weights, ids));

  it.each(STORAGES)('has the logits of the float64 reference from $dtype in $shards files', async (storage) => {
    const index = await WeightIndex.open(checkpointFiles(stored, storage));
    const model = await DecoderModel.load(device, { config, weights: index }, { trainable: false, format: 'stored' });
    const actual = await scopeAsync(async () => read(model.logits(model.hidden(packSequences(device, sequences)))));
    const expected = logits.flatMap((rows) => rows.flatMap((row) => [...row]));
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(actual.length).toBe(expected.length);
    const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i]!)), 0);
    expect(worst / largest, 'largest error by the largest logit').toBeLessThan(1e-5);
    model.dispose();
  });

  it('has its log-probabilities and entropies at several temperatures', async () => {
    const index = await WeightIndex.open(checkpointFiles(stored, { dtype: 'BF16', shards: 2 }));
    const model = await DecoderModel.load(device, { config, weights: index }, { trainable: false, format: 'stored' });
    for (const temperature of [0.5, 1, 1.3]) {
      const [logp, entropy] = await scopeAsync(async () => {
        const found = tokenLogProbs(model, packSequences(device, sequences), { temperature });
        return [await read(found.logp), await read(found.entropy)];
      });
      let row = 0;
      for (const ids of sequences) {
        const worst = (expected: readonly number[], got: ArrayLike<number>): number =>
          Math.max(0, ...expected.map((value, t) => Math.abs(value - got[row + t]!)));
        expect(worst(referenceLogProbs(config, weights, ids, temperature), logp!)).toBeLessThan(1e-4);
        expect(worst(referenceEntropies(config, weights, ids, temperature), entropy!)).toBeLessThan(1e-4);
        row += ids.length;
      }
    }
    model.dispose();
  });
});
