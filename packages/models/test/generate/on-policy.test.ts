import { type Device, Rng, read, scopeAsync, type WeightFormat } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseDecoderConfig } from '../../src/config/decoder-config.ts';
import { DecoderModel } from '../../src/decoder/decoder-model.ts';
import { type GeneratedSample, type GenerateOptions, generate } from '../../src/generate/generate.ts';
import { WeightIndex } from '../../src/io/weight-index.ts';
import { tokenLogProbs } from '../../src/nn/log-probs.ts';
import { packSequences } from '../../src/nn/packed-batch.ts';
import { type ConfigJson, checkpointFiles, smallWeights } from '../decoder/small-checkpoints.ts';

/** Rows of whole quantisation blocks, heads of every kind of cache, a window shorter than the sequences. */
const JSON_CONFIG: ConfigJson = {
  model_type: 'qwen2',
  vocab_size: 97,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 3,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-6,
  rope_theta: 1e4,
  use_sliding_window: true,
  sliding_window: 7,
  max_window_layers: 2,
};

const OPTIONS: GenerateOptions = {
  maxNewTokens: 30,
  settings: { temperature: 1, topK: 0, topP: 1, minP: 0 },
  seed: 4,
  stream: 2,
  stopIds: [5],
};

const PROMPTS = [1, 6, 19].map((length, s) => Uint32Array.from({ length }, (_, i) => (i * 11 + s * 7 + 3) % 97));
const REQUESTS = PROMPTS.map((promptIds, i) => ({ promptIds, samples: 4, firstSampleId: 4 * i }));

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

async function loadModel(format: WeightFormat | 'stored', withAdapters: boolean): Promise<DecoderModel> {
  const config = parseDecoderConfig(JSON.stringify(JSON_CONFIG));
  const weights = await WeightIndex.open(checkpointFiles(smallWeights(JSON_CONFIG), { dtype: 'BF16', shards: 1 }));
  const model = await DecoderModel.load(device, { config, weights }, { trainable: false, format });
  if (!withAdapters) return model;
  const { parameters } = model.attachAdapters({
    rank: 4,
    alpha: 8,
    targets: ['q_proj', 'v_proj', 'o_proj', 'up_proj', 'down_proj'],
    seed: 1,
  });
  const rng = new Rng(9, 0);
  parameters.names.forEach((name, index) => {
    const [rows, columns] = parameters.spec(name).shape as [number, number];
    const values = Float32Array.from({ length: rows * columns }, (_, i) => 0.1 * rng.normal(index, i));
    parameters.set(name, values);
  });
  return model;
}

/** The largest difference between what sampling reports and what the trainer computes of the same tokens. */
async function worstDifference(
  model: DecoderModel,
  samples: readonly GeneratedSample[],
  temperature: number,
): Promise<number> {
  const sequences = samples.map(({ request, ids }) => [...PROMPTS[request]!, ...ids]);
  const logp = await scopeAsync(async () =>
    read(tokenLogProbs(model, packSequences(device, sequences), { temperature }).logp),
  );
  let row = 0;
  let worst = 0;
  samples.forEach(({ request, logps }, s) => {
    const first = row + PROMPTS[request]!.length - 1;
    logps.forEach((value, t) => {
      worst = Math.max(worst, Math.abs(value - logp[first + t]!));
    });
    row += sequences[s]!.length;
  });
  return worst;
}

describe.each<[WeightFormat, boolean]>([
  ['f32', true],
  ['f16', true],
  ['bf16', false],
  ['bf16', true],
  ['q8_0', false],
  ['q8_0', true],
  ['q4_0', true],
  ['nf4', true],
])('a base in %s, adapters %s', (format, withAdapters) => {
  it('samples with the log-probabilities that training computes, at any temperature', async () => {
    const model = await loadModel(format, withAdapters);
    for (const temperature of [0.5, 1, 1.3]) {
      const settings = { temperature, topK: 40, topP: 0.95, minP: 0.01, repetitionPenalty: 1.2 };
      const samples = await generate(model, REQUESTS, { ...OPTIONS, settings, slots: 5 });
      expect(samples.length).toBe(12);
      expect(samples.reduce((sum, { ids }) => sum + ids.length, 0)).toBeGreaterThan(100);
      expect(await worstDifference(model, samples, temperature)).toBeLessThan(2e-5);
    }
    model.dispose();
  });
});

it.each([
  ['f16', 2e-2],
  ['bf16', 1.5e-1],
] as const)('a cache in %s moves log-probabilities by less than %d', async (cacheDType, bound) => {
  const model = await loadModel('f32', true);
  const exact = await generate(model, REQUESTS, OPTIONS);
  // Two samples at a time, so that slots are refilled, and halves, so that they are compacted.
  const samples = await generate(model, REQUESTS, { ...OPTIONS, cacheDType, slots: 9 });
  expect(await worstDifference(model, exact, 1)).toBeLessThan(2e-5);
  const worst = await worstDifference(model, samples, 1);
  expect(worst).toBeLessThan(bound);
  // Rounded all the same.
  expect(worst).toBeGreaterThan(2e-5);
  model.dispose();
});
