import { accumulateGradients } from '@dawngrad/autograd';
import { DecoderModel, generate, packSequences, parseDecoderConfig, tokenLogProbs } from '@dawngrad/models';
import {
  type Device,
  dequantizeBlocks,
  multiply,
  quantizeBlocks,
  read,
  scopeAsync,
  sum,
  Tensor,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WeightIndex } from '../../src/io/weight-index.ts';
import { isQuantized } from '../../src/weights/base-weights.ts';
import { referenceEntropies, referenceGreedy, referenceLogProbs, type Weights } from './decoder-reference.ts';
import { referenceStep } from './decoder-reference-step.ts';
import { checkpointFiles, type StoredWeight, smallWeights } from './small-checkpoints.ts';

/** Every matrix of it is larger than the device's bindings in f32, most are in bf16. */
const JSON_CONFIG = {
  model_type: 'qwen2',
  vocab_size: 200,
  hidden_size: 64,
  intermediate_size: 128,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 32,
  use_sliding_window: true,
  sliding_window: 3,
  max_window_layers: 1,
};
const BINDING_BYTES = 8192;
const CONFIG = parseDecoderConfig(JSON.stringify(JSON_CONFIG));
const SEQUENCES = [
  [3, 150, 77, 199, 8],
  [0, 42, 101],
];

// Older lavapipe compiles a kernel for up to a minute the first time it meets it.
vi.setConfig({ testTimeout: 300_000 });

let device: Device;
beforeAll(async () => {
  device = await openDevice({ limits: { maxStorageBufferBindingSize: BINDING_BYTES } });
});
afterAll(() => device.close());

type Format = 'f32' | 'bf16' | 'q8_0' | 'q4_0' | 'nf4';

/** What a model in a format computes with, by the formats' definitions. Linears alone are quantised. */
function kept(stored: ReadonlyMap<string, StoredWeight>, format: Format): Map<string, Float64Array> {
  return new Map(
    [...stored].map(([name, { values }]) => {
      if (!isQuantized(format) || !name.endsWith('_proj.weight')) return [name, values];
      return [name, Float64Array.from(dequantizeBlocks(quantizeBlocks(Float32Array.from(values), format), format))];
    }),
  );
}

describe.each(['f32', 'bf16', 'q8_0', 'q4_0', 'nf4'] as const)('a model of row blocks in %s', (format) => {
  const stored = smallWeights(JSON_CONFIG);
  const weights: Weights = kept(stored, format);
  const load = async (): Promise<DecoderModel> => {
    const index = await WeightIndex.open(checkpointFiles(stored, { dtype: 'BF16', shards: 2 }));
    return DecoderModel.load(device, { config: CONFIG, weights: index }, { trainable: false, format });
  };

  it('has the log-probabilities and entropies of the float64 reference', async () => {
    const model = await load();
    const rows = model.outputWeight().map((block) => ('rows' in block ? block.rows : block.shape[0]!));
    expect(rows.length).toBeGreaterThan(1);
    expect(rows.reduce((a, b) => a + b)).toBe(CONFIG.vocabSize);
    const [logp, entropy] = await scopeAsync(async () => {
      const found = tokenLogProbs(model, packSequences(device, SEQUENCES), { temperature: 0.8 });
      return [await read(found.logp), await read(found.entropy)];
    });
    let row = 0;
    for (const ids of SEQUENCES) {
      referenceLogProbs(CONFIG, weights, ids, 0.8).forEach((expected, t) => {
        expect(Math.abs(logp![row + t]! - expected)).toBeLessThan(5e-5);
      });
      referenceEntropies(CONFIG, weights, ids, 0.8).forEach((expected, t) => {
        expect(Math.abs(entropy![row + t]! - expected)).toBeLessThan(5e-5);
      });
      row += ids.length;
    }
    model.dispose();
    expect(device.memory.liveBytes).toBe(0);
  });

  it('has the gradient of an adapter', async () => {
    const model = await load();
    const { parameters } = model.attachAdapters({ rank: 2, alpha: 2, targets: ['k_proj', 'gate_proj'], seed: 1 });
    await scopeAsync(async () => {
      const batch = packSequences(device, SEQUENCES);
      const mask = Tensor.from(
        device,
        SEQUENCES.flatMap((ids) => ids.map((_, t) => (t + 1 < ids.length ? -1 / 6 : 0))),
        [batch.rows],
      );
      accumulateGradients([parameters], () => ({ loss: sum(multiply(tokenLogProbs(model, batch).logp, mask)) }));
      await device.finish();
    });
    const expected = referenceStep(CONFIG, weights, SEQUENCES);
    for (const name of parameters.names.filter((n) => n.endsWith('lora_B.weight'))) {
      // B is 0: its gradient is dW A^T, alpha / rank being 1.
      const linear = name.slice(0, -'.lora_B.weight'.length);
      const dW = expected.gradients.get(`${linear}.weight`)!;
      const a = await read(parameters.get(`${linear}.lora_A.weight`));
      const actual = await read(parameters.gradient(name)!);
      const [out, columns] = stored.get(`${linear}.weight`)!.shape as [number, number];
      const wanted = Array.from({ length: out * 2 }, (_, i) => {
        let total = 0;
        for (let c = 0; c < columns; c++) total += dW[Math.floor(i / 2) * columns + c]! * a[(i % 2) * columns + c]!;
        return total;
      });
      const largest = Math.max(...wanted.map(Math.abs));
      expect(largest).toBeGreaterThan(0);
      const worst = Math.max(...wanted.map((value, i) => Math.abs(value - actual[i]!)));
      expect(worst / largest, `${name}: largest error by the largest gradient`).toBeLessThan(2e-5);
    }
    model.dispose();
  });

  it('generates greedily as the float64 reference', async () => {
    const model = await load();
    const expected = SEQUENCES.map((ids) => referenceGreedy(CONFIG, weights, ids, 8));
    for (const { leads } of expected) expect(Math.min(...leads)).toBeGreaterThan(3e-4);
    const requests = SEQUENCES.map((ids, i) => ({ promptIds: Uint32Array.from(ids), samples: 1, firstSampleId: i }));
    const settings = { temperature: 0, topK: 0, topP: 1, minP: 0 };
    const samples = await generate(model, requests, { maxNewTokens: 8, settings, seed: 0, stream: 0, stopIds: [] });
    for (const { request, ids } of samples) expect([...ids]).toEqual(expected[request]!.ids);
    model.dispose();
  });
});
