import { readFileSync } from 'node:fs';
import { DecoderModel, generate, packSequences, parseDecoderConfig } from '@dawngrad/models';
import { type Device, read, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { WeightIndex } from '../../src/io/weight-index.ts';
import { referenceEntropies, referenceGreedy, referenceLogits, referenceLogProbs } from './decoder-reference.ts';
import { referenceStep } from './decoder-reference-step.ts';
import { checkpointFiles, SMALL_CHECKPOINTS, smallWeights } from './small-checkpoints.ts';

/** What PyTorch's autograd gives in float64, in 10 digits. */
interface Golden {
  readonly logits_last: readonly number[];
  readonly logps: readonly number[];
  readonly entropies: readonly number[];
  readonly loss: number;
  /** Of each gradient its norm and its product with cos(0), cos(1), ... */
  readonly gradients: Readonly<Record<string, readonly [number, number]>>;
  /** 20 tokens after the first 4. */
  readonly greedy: readonly number[];
}

/**
 * Made once with PyTorch 1.13 from the same config.json and weights, by a program written apart from this repository
 * after transformers' modeling_{llama,qwen2,qwen3,mistral}.py and modeling_rope_utils.py.
 */
const GOLDEN = JSON.parse(readFileSync(new URL('golden-torch.json', import.meta.url), 'utf8')) as Readonly<
  Record<string, Golden>
>;

// Older lavapipe compiles a kernel for up to a minute the first time it meets it.
vi.setConfig({ testTimeout: 300_000 });

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

describe.each(SMALL_CHECKPOINTS)('PyTorch and %s', (name, json) => {
  const golden = GOLDEN[name]!;
  const config = parseDecoderConfig(JSON.stringify(json));
  const stored = smallWeights(json);
  const weights = new Map([...stored].map(([weight, { values }]) => [weight, values]));
  const ids = Array.from({ length: 24 }, (_, i) => (i * i * 5 + 3) % json.vocab_size);

  it('agree with the float64 reference', () => {
    expect(largestDifference(golden.logits_last, referenceLogits(config, weights, ids).at(-1)!)).toBeLessThan(1e-8);
    expect(largestDifference(golden.logps, referenceLogProbs(config, weights, ids))).toBeLessThan(1e-8);
    expect(largestDifference(golden.entropies, referenceEntropies(config, weights, ids))).toBeLessThan(1e-8);
    expect(referenceGreedy(config, weights, ids.slice(0, 4), 20).ids).toEqual(golden.greedy);
  });

  it('agree with every gradient of the float64 reference', () => {
    const step = referenceStep(config, weights, [ids]);
    expect(Math.abs(step.loss - golden.loss)).toBeLessThan(1e-10);
    expect([...step.gradients.keys()].sort()).toEqual(Object.keys(golden.gradients).sort());
    for (const [weight, gradient] of step.gradients) {
      const [norm, product] = golden.gradients[weight]!;
      expect(Math.abs(Math.hypot(...gradient) - norm), weight).toBeLessThan(1e-9 * norm);
      expect(Math.abs(gradient.reduce((sum, g, i) => sum + g * Math.cos(i), 0) - product), weight).toBeLessThan(
        1e-8 * norm,
      );
    }
  });

  it('agree with the model', async () => {
    const index = await WeightIndex.open(checkpointFiles(stored, { dtype: 'BF16', shards: 1 }));
    const model = await DecoderModel.load(device, { config, weights: index }, { trainable: false, format: 'stored' });
    const logits = await scopeAsync(async () => read(model.logits(model.hidden(packSequences(device, [ids])))));
    expect(largestDifference(golden.logits_last, logits.slice(-json.vocab_size))).toBeLessThan(1e-4);
    const requests = [{ promptIds: Uint32Array.from(ids.slice(0, 4)), samples: 1, firstSampleId: 0 }];
    const settings = { temperature: 0, topK: 0, topP: 1, minP: 0 };
    const [sample] = await generate(model, requests, { maxNewTokens: 20, settings, seed: 0, stream: 0, stopIds: [] });
    expect([...sample!.ids]).toEqual(golden.greedy);
    model.dispose();
  });
});
