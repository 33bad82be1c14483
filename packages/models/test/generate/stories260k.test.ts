import { readFileSync } from 'node:fs';
import { type Device, read, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DecoderModel } from '../../src/decoder/decoder-model.ts';
import { type GenerateOptions, generate } from '../../src/generate/generate.ts';
import { tokenLogProbs } from '../../src/nn/log-probs.ts';
import { packSequences } from '../../src/nn/packed-batch.ts';
import { openModelDirectory } from '../../src/node/model-directory.ts';
import { sharedData } from '../shared-data.ts';

const stories = sharedData('models/stories260K');

/** What PyTorch gives for the same weights. */
interface Golden {
  /** BOS and 255 tokens, each the most likely one. */
  readonly greedy_ids: readonly number[];
  /** Log-probabilities of greedy_ids[1..31]. */
  readonly logprobs_first31: readonly number[];
}

const GREEDY: GenerateOptions = {
  maxNewTokens: 255,
  settings: { temperature: 0, topK: 0, topP: 1, minP: 0 },
  seed: 0,
  stream: 0,
  stopIds: [],
};

describe.skipIf(!stories.isPresent)('stories260K, a trained model with golden values of PyTorch', () => {
  let device: Device;
  let model: DecoderModel;
  let golden: Golden;
  beforeAll(async () => {
    device = await openDevice();
    model = await DecoderModel.load(device, await openModelDirectory(stories.path), { trainable: false });
    golden = JSON.parse(readFileSync(`${stories.path}/golden_torch.json`, 'utf8')) as Golden;
  });
  afterAll(() => device?.close());

  /** The training path's log-probabilities of ids[1..]. */
  async function trainingLogProbs(ids: ArrayLike<number>, temperature: number): Promise<Float32Array> {
    return scopeAsync(async () => {
      const batch = packSequences(device, [ids]);
      const logp = (await read(tokenLogProbs(model, batch, { temperature }).logp)) as Float32Array;
      return logp.subarray(0, ids.length - 1);
    });
  }

  const largestDifference = (a: ArrayLike<number>, b: ArrayLike<number>) =>
    Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

  it('decodes the golden ids greedily, with the golden log-probabilities', async () => {
    const [sample] = await generate(
      model,
      [{ promptIds: Uint32Array.of(golden.greedy_ids[0]!), samples: 1, firstSampleId: 0 }],
      GREEDY,
    );
    expect([...sample!.ids]).toEqual(golden.greedy_ids.slice(1));
    expect(largestDifference(golden.logprobs_first31, sample!.logps)).toBeLessThan(1e-4);
    expect(largestDifference(sample!.logps, await trainingLogProbs(golden.greedy_ids, 1))).toBeLessThan(1e-5);
  });

  it('continues the golden ids from prefixes of several lengths in one batch', async () => {
    const requests = [1, 2, 33, 200].map((length, i) => ({
      promptIds: Uint32Array.from(golden.greedy_ids.slice(0, length)),
      samples: 2,
      firstSampleId: 2 * i,
    }));
    const samples = await generate(model, requests, { ...GREEDY, maxNewTokens: 56 });
    for (const { request, ids } of samples) {
      const from = requests[request]!.promptIds.length;
      expect([...ids]).toEqual(golden.greedy_ids.slice(from, from + 56));
    }
  });

  it('samples with the log-probabilities of the training path', async () => {
    const promptIds = Uint32Array.from(golden.greedy_ids.slice(0, 5));
    const samples = await generate(model, [{ promptIds, samples: 4, firstSampleId: 0 }], {
      ...GREEDY,
      maxNewTokens: 60,
      settings: { temperature: 0.8, topK: 0, topP: 1, minP: 0 },
    });
    expect(new Set(samples.map((sample) => sample.ids.join())).size).toBe(4);
    for (const { ids, logps } of samples) {
      const expected = (await trainingLogProbs([...promptIds, ...ids], 0.8)).subarray(promptIds.length - 1);
      // Its logits reach 20, where f32 resolves 2e-6, and pass through five layers: 1.5e-5 at the worst of 960 tokens.
      expect(largestDifference(logps, expected)).toBeLessThan(3e-5);
      const mean = logps.reduce((sum, logp, t) => sum + Math.abs(logp - expected[t]!), 0) / logps.length;
      expect(mean).toBeLessThan(3e-6);
    }
  });
});
