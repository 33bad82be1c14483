import { Adamw, accumulateGradients } from '@dawngrad/autograd';
import { type Device, multiply, read, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DecoderConfig } from '../../src/config/decoder-config.ts';
import { DecoderModel } from '../../src/decoder/decoder-model.ts';
import { tokenLogProbs } from '../../src/nn/log-probs.ts';
import { packSequences } from '../../src/nn/packed-batch.ts';

const CONFIG: DecoderConfig = {
  modelType: 'llama',
  vocabSize: 61,
  hiddenSize: 32,
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
};
/**
 * Launches of one step: two layers, tied output, one block of logits, one micro-batch. A change is a change
 * of the cost of every step of a small model: lower it with an optimisation, never raise it without a reason.
 */
const RECORDED_LAUNCHES = 63;
const SEQUENCES = [5, 17, 1, 30].map((length, s) =>
  Array.from({ length }, (_, i) => (i * 7 + s * 13) % CONFIG.vocabSize),
);

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

function trainable(config: DecoderConfig = CONFIG): { model: DecoderModel; optimizer: Adamw } {
  const model = DecoderModel.create(device, config, { trainable: true });
  model.initialise(5);
  return { model, optimizer: new Adamw(model.base, { weightDecay: 0.1, maxNorm: 1 }) };
}

/** One step on all sequences but for the last row of each; the mean loss before it. */
async function step({ model, optimizer }: ReturnType<typeof trainable>, sequences = SEQUENCES): Promise<number> {
  return scopeAsync(async () => {
    const batch = packSequences(model.device, sequences);
    const count = batch.rows - sequences.length;
    const mask = Float32Array.from(
      sequences.flatMap((ids) => ids.map((_, i) => (i + 1 < ids.length ? -1 / count : 0))),
    );
    const weights = Tensor.from(model.device, mask, [batch.rows]);
    const { loss } = accumulateGradients([model.base], () => ({
      loss: sum(multiply(tokenLogProbs(model, batch).logp, weights)),
    }));
    optimizer.step(0.003);
    return (await read(loss))[0]!;
  });
}

async function bitsOf(model: DecoderModel): Promise<Uint32Array> {
  return new Uint32Array((await read(model.base.arenas[0]!.values)).buffer);
}

describe('a training step', () => {
  it('lowers the loss from about ln V', async () => {
    const run = trainable();
    const losses: number[] = [];
    for (let i = 0; i < 12; i++) losses.push(await step(run));
    // Nearly uniform at first: the initial weights add a little.
    expect(Math.abs(losses[0]! - Math.log(CONFIG.vocabSize))).toBeLessThan(0.5);
    expect(losses[11]!).toBeLessThan(losses[0]! - 0.5);
    run.optimizer.dispose();
    run.model.dispose();
  });

  it('is the same to the last bit every time', async () => {
    const bits: Uint32Array[] = [];
    for (let repeat = 0; repeat < 10; repeat++) {
      const run = trainable();
      await step(run);
      await step(run);
      bits.push(await bitsOf(run.model));
      run.optimizer.dispose();
      run.model.dispose();
    }
    for (const other of bits.slice(1)) expect(other).toEqual(bits[0]);
  });

  it('is one submit of one pass, with a fixed number of launches, and keeps no memory', async () => {
    const run = trainable();
    await step(run);
    await step(run);
    const [before, memory] = [device.counters, device.memory];
    await step(run);
    const after = device.counters;
    expect([after.submits - before.submits, after.passes - before.passes]).toEqual([1, 1]);
    expect(after.buffersCreated - before.buffersCreated).toBe(0);
    expect(after.pipelines - before.pipelines).toBe(0);
    expect(device.memory.liveBuffers).toBe(memory.liveBuffers);
    expect(device.memory.liveBytes).toBe(memory.liveBytes);
    expect(after.dispatches - before.dispatches).toBe(RECORDED_LAUNCHES);
    run.optimizer.dispose();
    run.model.dispose();
  });

  it('takes 9 launches forward and 15 backward for a layer', async () => {
    const counted = (numHiddenLayers: number): Promise<readonly [number, number]> =>
      scopeAsync(async () => {
        const run = trainable({ ...CONFIG, numHiddenLayers });
        const batch = packSequences(device, SEQUENCES);
        let forward = 0;
        const before = device.counters.dispatches;
        accumulateGradients([run.model.base], () => {
          const loss = sum(tokenLogProbs(run.model, batch).logp);
          forward = device.counters.dispatches - before;
          return { loss };
        });
        const backward = device.counters.dispatches - before - forward;
        await device.finish();
        run.optimizer.dispose();
        run.model.dispose();
        return [forward, backward];
      });
    const [one, two] = [await counted(1), await counted(2)];
    expect([two[0] - one[0], two[1] - one[1]]).toEqual([9, 15]);
  });

  it('never holds the matrix of logits', async () => {
    // N = V = 4096: that matrix would be 64 MiB. Blocks of logits take a 16th of it.
    const wide: DecoderConfig = {
      ...CONFIG,
      vocabSize: 4096,
      hiddenSize: 64,
      intermediateSize: 64,
      numHiddenLayers: 1,
      headDim: 16,
    };
    const run = trainable(wide);
    const sequences = Array.from({ length: 64 }, (_, s) =>
      Array.from({ length: 64 }, (_, i) => (s * 64 + i * 31) % 4096),
    );
    await device.finish();
    device.pool.resetPeak();
    const kept = device.memory.liveBytes;
    expect(Math.abs((await step(run, sequences)) - Math.log(4096))).toBeLessThan(0.5);
    const logits = 4096 * 4096 * 4;
    const { largestBytes, largestLabel, peakLiveBytes } = device.memory;
    expect(largestBytes, largestLabel).toBeLessThanOrEqual(logits / 16);
    expect(peakLiveBytes - kept).toBeLessThan(logits / 2);
    run.optimizer.dispose();
    run.model.dispose();
  });
});

describe('tokenLogProbs', () => {
  it('at a temperature are those of logits that are divided by it', async () => {
    const { model, optimizer } = trainable({ ...CONFIG, tieWordEmbeddings: false });
    const output = 'lm_head.weight';
    const weight = Float32Array.from((await read(model.base.get(output))) as Float32Array, (value) => value * 20);
    const at = (temperature?: number): Promise<[Float32Array, Float32Array]> =>
      scopeAsync(async () => {
        const batch = packSequences(device, SEQUENCES);
        const { logp, entropy } = tokenLogProbs(model, batch, temperature === undefined ? {} : { temperature });
        return [(await read(logp)) as Float32Array, (await read(entropy)) as Float32Array];
      });
    model.base.set(output, weight);
    const plain = await at();
    const [warm, warmEntropy] = await at(2);
    expect(await at(1)).toEqual(plain);
    model.base.set(
      output,
      weight.map((value) => value / 2),
    );
    const [halved, halvedEntropy] = await at();
    warm.forEach((value, n) => {
      expect(value).toBeCloseTo(halved[n]!, 4);
      expect(warmEntropy[n]).toBeCloseTo(halvedEntropy[n]!, 4);
      expect(warmEntropy[n]!).toBeGreaterThan(plain[1][n]!);
    });
    for (const bad of [0, -1, Number.NaN]) await expect(at(bad)).rejects.toMatchObject({ code: 'shape' });
    optimizer.dispose();
    model.dispose();
  });
});
