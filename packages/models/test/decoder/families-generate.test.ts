import {
  DecoderModel,
  type GenerateOptions,
  generate,
  packSequences,
  parseDecoderConfig,
  tokenLogProbs,
} from '@dawngrad/models';
import { type Device, read, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WeightIndex } from '../../src/io/weight-index.ts';
import { referenceGreedy, type Weights } from './decoder-reference.ts';
import { checkpointFiles, SMALL_CHECKPOINTS, type Storage, smallWeights } from './small-checkpoints.ts';

const NEW_TOKENS = 20;
const OPTIONS: GenerateOptions = {
  maxNewTokens: NEW_TOKENS,
  settings: { temperature: 0, topK: 0, topP: 1, minP: 0 },
  seed: 3,
  stream: 0,
  stopIds: [],
};

// Older lavapipe compiles a kernel for up to a minute the first time it meets it.
vi.setConfig({ testTimeout: 300_000 });

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe.each(SMALL_CHECKPOINTS)('generation, %s', (_, json) => {
  const config = parseDecoderConfig(JSON.stringify(json));
  const stored = smallWeights(json);
  const weights: Weights = new Map([...stored].map(([name, { values }]) => [name, values]));
  /** One token, fewer than a window and more. */
  const prompts = [1, 3, 17].map((length, s) =>
    Array.from({ length }, (_id, i) => (i * 7 + s * 5 + 2) % json.vocab_size),
  );
  let expected: ReturnType<typeof referenceGreedy>[] | undefined;
  const requests = prompts.map((ids, i) => ({ promptIds: Uint32Array.from(ids), samples: 2, firstSampleId: 2 * i }));
  const load = async (storage: Storage): Promise<DecoderModel> =>
    DecoderModel.load(
      device,
      { config, weights: await WeightIndex.open(checkpointFiles(stored, storage)) },
      { trainable: false, format: 'stored' },
    );

  it.each([
    { dtype: 'F32', shards: 1 },
    { dtype: 'F16', shards: 1 },
    { dtype: 'BF16', shards: 2 },
  ] as const)('is greedily that of the float64 reference from $dtype', async (storage) => {
    const model = await load(storage);
    expected ??= prompts.map((ids) => referenceGreedy(config, weights, ids, NEW_TOKENS));
    // Otherwise rounding might choose: the test would test nothing.
    for (const { leads } of expected) expect(Math.min(...leads)).toBeGreaterThan(1e-3);
    for (const sample of await generate(model, requests, OPTIONS)) {
      expect([...sample.ids]).toEqual(expected[sample.request]!.ids);
    }
    model.dispose();
  });

  it('draws with the log-probabilities of the training path at any temperature', async () => {
    const model = await load({ dtype: 'BF16', shards: 1 });
    for (const temperature of [0.5, 1, 1.3]) {
      const samples = await generate(model, requests, { ...OPTIONS, settings: { ...OPTIONS.settings, temperature } });
      const sequences = samples.map(({ request, ids }) => [...prompts[request]!, ...ids]);
      const logp = await scopeAsync(async () =>
        read(tokenLogProbs(model, packSequences(device, sequences), { temperature }).logp),
      );
      let row = 0;
      samples.forEach(({ request, logps }, s) => {
        const first = row + prompts[request]!.length - 1;
        const worst = Math.max(...Array.from(logps, (value, t) => Math.abs(value - logp[first + t]!)));
        expect(worst).toBeLessThan(3e-5);
        row += sequences[s]!.length;
      });
    }
    model.dispose();
  });
});

describe('a decode step', () => {
  const sizes = {
    vocab_size: 41,
    hidden_size: 32,
    intermediate_size: 64,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    head_dim: 32,
    max_position_embeddings: 64,
  };

  it.each([
    ['llama', {}],
    ['qwen2', { use_sliding_window: true, sliding_window: 2, max_window_layers: 0 }],
    ['qwen3', {}],
    ['mistral', { sliding_window: 3 }],
  ])('takes 8 launches a layer in a %s: biases, head norms and windows cost none', async (model_type, fields) => {
    const launches = async (num_hidden_layers: number): Promise<number> => {
      const json = { ...sizes, model_type, num_hidden_layers, ...fields };
      const weights = await WeightIndex.open(checkpointFiles(smallWeights(json), { dtype: 'BF16', shards: 1 }));
      const config = parseDecoderConfig(JSON.stringify(json));
      const options = { trainable: false, format: 'stored' } as const;
      const model = await DecoderModel.load(device, { config, weights }, options);
      const before = device.counters.dispatches;
      const request = { promptIds: Uint32Array.of(5), samples: 3, firstSampleId: 0 };
      await generate(model, [request], { ...OPTIONS, maxNewTokens: 4 });
      model.dispose();
      return device.counters.dispatches - before;
    };
    expect((await launches(2)) - (await launches(1))).toBe(4 * 8);
  });
});
