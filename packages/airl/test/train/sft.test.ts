import type { DecoderModel } from '@dawngrad/models';
import { type Device, read } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STREAMS } from '../../src/data/streams.ts';
import { recordLogProbs } from '../../src/rollout/record-log-probs.ts';
import { rollout } from '../../src/rollout/rollout.ts';
import { createDocument } from '../../src/task/inverse-rules/documents.ts';
import { pretrain } from '../../src/train/pretrain.ts';
import { trainSft } from '../../src/train/sft.ts';
import { optim, recordRun, series, sftOptions, tinyPolicy, tinyTask } from './tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

async function weightsOf(model: DecoderModel): Promise<Float32Array[]> {
  const found: Float32Array[] = [];
  for (const name of model.base.names) found.push((await read(model.base.get(name))) as Float32Array);
  return found;
}

function largestDifference(a: Float32Array[], b: Float32Array[]): number {
  return Math.max(
    ...a.flatMap((values, i) => Array.from(values, (value, j) => Math.abs(value - (b[i]?.[j] as number)))),
  );
}

describe('trainSft', () => {
  it('overfits the demonstrations and reports every step', async () => {
    const policy = tinyPolicy(device);
    const { context, rows } = recordRun();
    const result = await trainSft(
      policy,
      tinyTask(),
      { ...sftOptions, lr: 1e-2, maxSteps: 40, rowsPerStep: 6 },
      context,
    );
    expect(result).toEqual({ status: 'finished', step: 40 });
    const losses = series(rows, 'loss');
    expect(losses.length).toBe(40);
    expect(losses[0]).toBeGreaterThan(3.8);
    expect(losses.at(-1)).toBeLessThan(2);
    expect(series(rows, 'health/nonfinite')).toEqual(new Array(40).fill(0));
    policy.dispose();
  });

  it('trains on completions alone, or where told so on prompts too (D21)', async () => {
    const task = tinyTask();
    const one = { ...task, demonstrations: task.demonstrations.slice(0, 1) };
    const rowOf = async (fullText: boolean) => {
      const policy = tinyPolicy(device);
      const { context, rows } = recordRun();
      await trainSft(policy, one, { ...sftOptions, lr: 1e-6, maxSteps: 1, rowsPerStep: 1, fullText }, context);
      const { promptIds, completionIds } = one.demonstrations[0]!;
      const [logps] = await recordLogProbs(
        policy,
        [{ promptIds: promptIds.slice(0, 1), completionIds: Uint32Array.of(...promptIds.slice(1), ...completionIds) }],
        4096,
      );
      policy.dispose();
      return { tokens: series(rows, 'num_tokens')[0]!, loss: series(rows, 'loss')[0]!, logps: Array.from(logps!) };
    };
    const { promptIds, completionIds } = one.demonstrations[0]!;
    const written = task.forced(completionIds);
    const own = completionIds.length - written.reduce((a, b) => a + b, 0);
    const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
    for (const fullText of [false, true]) {
      const { tokens, loss, logps } = await rowOf(fullText);
      expect(tokens).toBe(fullText ? own + promptIds.length - 1 : own);
      const shift = promptIds.length - 1;
      const counted = logps.filter((_, t) => (t < shift ? fullText : written[t - shift] === 0));
      expect(loss).toBeCloseTo(-mean(counted), 3);
    }
  });

  it('ends with a policy that writes what it has learned by heart', async () => {
    const policy = tinyPolicy(device);
    const task = tinyTask();
    const few = { ...task, demonstrations: task.demonstrations.slice(0, 2) };
    const { context, rows } = recordRun();
    const constant = { ...optim, weightDecay: 0, schedule: 'constant' } as const;
    await trainSft(policy, few, { ...sftOptions, lr: 2e-2, optim: constant, maxSteps: 120, rowsPerStep: 2 }, context);
    expect(series(rows, 'loss').at(-1)).toBeLessThan(0.05);
    const samples = await rollout(policy, few, few.demonstrations, {
      samplesPerPrompt: 1,
      temperature: 0,
      seed: 1,
      stream: STREAMS.rollout,
      round: 1,
      marks: { granularity: 'sparse' },
    });
    // Decoding cannot look ahead: this would fail if training had.
    expect(samples.map(({ text }) => text)).toEqual(few.demonstrations.map((one) => task.decode(one.completionIds)));
    policy.dispose();
  });

  it('does not depend on how a step is cut into micro-batches', async () => {
    const runs: Float32Array[][] = [];
    const losses: number[][] = [];
    for (const microBatchTokens of [10_000, 60, 1]) {
      const policy = tinyPolicy(device);
      const { context, rows } = recordRun();
      await trainSft(policy, tinyTask(), { ...sftOptions, maxSteps: 3, microBatchTokens }, context);
      runs.push(await weightsOf(policy));
      losses.push(series(rows, 'loss'));
      policy.dispose();
    }
    for (const other of [1, 2]) {
      expect(largestDifference(runs[0] as Float32Array[], runs[other] as Float32Array[])).toBeLessThan(1e-4);
      losses[other]?.forEach((loss, i) => {
        expect(loss).toBeCloseTo(losses[0]?.[i] as number, 5);
      });
    }
  });

  it('evaluates at the start, every n steps and at the end, and can end with the best weights', async () => {
    const policy = tinyPolicy(device);
    const { context, rows } = recordRun();
    const dev = { everySteps: 2, prompts: 3, samplesPerPrompt: 2, temperature: 1 };
    const before = await weightsOf(policy);
    await trainSft(policy, tinyTask(), { ...sftOptions, maxSteps: 3, dev, keepBest: true }, context);
    const evaluated = rows.filter((row) => row['eval/accuracy'] !== undefined);
    expect(evaluated.map(({ step }) => step)).toEqual([0, 2, 3]);
    expect(series(evaluated, 'eval/n')).toEqual([6, 6, 6]);
    // A random model answers nothing: with nothing to choose by, the last weights stay.
    expect(series(evaluated, 'eval/accuracy')).toEqual([0, 0, 0]);
    expect(largestDifference(before, await weightsOf(policy))).toBeGreaterThan(0);
    policy.dispose();
  });

  it('trains adapters and leaves the base as it was', async () => {
    const policy = tinyPolicy(device, true);
    const before = await weightsOf(policy);
    const { context, rows } = recordRun();
    await trainSft(policy, tinyTask(), { ...sftOptions, rowsPerStep: 6, maxSteps: 20, lr: 5e-2 }, context);
    expect(largestDifference(before, await weightsOf(policy))).toBe(0);
    const losses = series(rows, 'loss');
    expect(losses.at(-1)).toBeLessThan((losses[0] as number) - 0.05);
    policy.dispose();
  });

  it('ends after the step in which it is asked to stop', async () => {
    const policy = tinyPolicy(device);
    const { context, rows } = recordRun(undefined, 2);
    expect(await trainSft(policy, tinyTask(), sftOptions, context)).toEqual({ status: 'stopped', step: 2 });
    expect(rows.length).toBe(2);
    policy.dispose();
  });

  it('frees all that it took', async () => {
    const policy = tinyPolicy(device);
    const before = device.memory.liveBuffers;
    await trainSft(policy, tinyTask(), { ...sftOptions, maxSteps: 2 }, recordRun().context);
    expect(device.memory.liveBuffers).toBe(before);
    policy.dispose();
  });

  it('gives up when every step has to be skipped, and says what to do', async () => {
    const policy = tinyPolicy(device);
    policy.base.set('model.norm.weight', new Float32Array(16).fill(Number.NaN));
    const { context } = recordRun();
    await expect(trainSft(policy, tinyTask(), sftOptions, { ...context, metrics: () => undefined })).rejects.toThrow(
      /5 steps in a row.*learning rate/,
    );
    policy.dispose();
  });
});

describe('pretrain', () => {
  it('learns the layout of documents from scratch, reading the numbers of several steps at a time', async () => {
    const task = tinyTask();
    const model = tinyPolicy(device);
    const { context, rows } = recordRun();
    const options = { lr: 1e-2, optim, maxSteps: 45, rowsPerStep: 4, microBatchTokens: 4096, readEverySteps: 10 };
    const result = await pretrain(model, (index) => createDocument(task.world, index), options, context);
    expect(result).toEqual({ status: 'finished', step: 45 });
    expect(series(rows, 'step')).toEqual(Array.from({ length: 45 }, (_, i) => i + 1));
    const losses = series(rows, 'loss');
    expect(losses[0]).toBeGreaterThan(3.8);
    expect(losses.at(-1)).toBeLessThan(2.6);
    expect(series(rows, 'perf/submits').every((submits) => submits < 1)).toBe(true);
    model.dispose();
  });
});
