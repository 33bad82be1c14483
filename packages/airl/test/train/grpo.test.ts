import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { trainGrpo } from '../../src/train/grpo.ts';
import { grpoOptions, recordRun, series, tinyPolicy, tinyTask } from './tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** The task with a checker that likes every sample whose completion has an even first token. */
function easyTask() {
  const task = tinyTask();
  return {
    ...task,
    check: (text: string) => ({
      outcome: text.startsWith('so') || text.split(' ').length % 2 === 0 ? ('correct' as const) : ('wrong' as const),
      answer: text.split(' ')[0] ?? null,
      strict: false,
    }),
  };
}

describe('trainGrpo', () => {
  it('runs rounds on policy: trainer and sampler agree, nothing is clipped, the divergence starts at 0', async () => {
    const policy = tinyPolicy(device);
    const { context, rows, samples } = recordRun();
    const result = await trainGrpo(policy, easyTask(), grpoOptions, context);
    expect(result).toEqual({ status: 'finished', step: 4 });
    expect(series(rows, 'step')).toEqual([1, 2, 3, 4]);
    expect(Math.max(...series(rows, 'sampling/logp_diff_max'))).toBeLessThan(1e-4);
    expect(series(rows, 'clip_ratio/region_mean')).toEqual([0, 0, 0, 0]);
    const kl = series(rows, 'kl');
    expect(kl[0]).toBeLessThan(1e-9);
    expect(kl[3]).toBeGreaterThan(1e-9);
    expect(series(rows, 'reward')).toEqual(series(rows, 'accuracy'));
    expect(samples.length).toBe(4 * grpoOptions.groupSize);
    // What is logged is what was used: rewards of the logged group give its advantages.
    const group = samples.slice(0, 4);
    const mean = group.reduce((total, { reward }) => total + reward, 0) / 4;
    for (const { reward, advantages } of group) {
      for (const advantage of advantages) expect(Math.sign(advantage)).toBe(Math.sign(reward - mean));
    }
    policy.dispose();
  });

  it('draws groups without spread again, a bounded number of times, and counts them', async () => {
    const run = async (maxResamples: number) => {
      const policy = tinyPolicy(device);
      const { context, rows } = recordRun();
      // Right answers are rare, so that many groups have none.
      const task = {
        ...tinyTask(),
        check: (text: string) => ({
          outcome: text.startsWith('so') || text.length % 13 === 0 ? ('correct' as const) : ('wrong' as const),
          answer: text,
          strict: false,
        }),
      };
      await trainGrpo(policy, task, { ...grpoOptions, maxSteps: 3, lr: 1e-6, maxResamples }, context);
      policy.dispose();
      return rows;
    };
    const [never, thrice, again] = [await run(0), await run(3), await run(3)];
    const flat = series(never, 'frac_reward_zero_std');
    const left = series(thrice, 'frac_reward_zero_std');
    const counts = series(thrice, 'sampling/resampled_groups');
    expect(series(never, 'sampling/resampled_groups')).toEqual([]);
    // The first time each flat group is drawn again; there are 4 groups and 3 times.
    expect(counts[0]).toBeGreaterThanOrEqual(4 * flat[0]!);
    expect(Math.max(...counts)).toBeLessThanOrEqual(12);
    const sum = (values: number[]): number => values.reduce((a, b) => a + b, 0);
    expect(sum(flat)).toBeGreaterThan(0);
    expect(sum(left)).toBeLessThan(sum(flat));
    expect(series(again, 'loss')).toEqual(series(thrice, 'loss'));
  });

  it('gives no gradient, and no error, where all groups of a round are without spread', async () => {
    const policy = tinyPolicy(device);
    const { context, rows } = recordRun();
    const wrong = { ...tinyTask(), check: () => ({ outcome: 'wrong' as const, answer: null, strict: false }) };
    await trainGrpo(policy, wrong, { ...grpoOptions, klBeta: 0, maxSteps: 1, maxResamples: 1 }, context);
    expect(series(rows, 'frac_reward_zero_std')).toEqual([1]);
    expect(series(rows, 'sampling/resampled_groups')).toEqual([4]);
    expect(series(rows, 'grad_norm')).toEqual([0]);
    policy.dispose();
  });

  it('learns from the outcome', async () => {
    const policy = tinyPolicy(device);
    const { context, rows } = recordRun();
    // A reward that one token decides is learned within a few rounds.
    const task = {
      ...tinyTask(),
      maxCompletionTokens: 4,
      check: (text: string) => {
        const right = text.split(' ').includes('so');
        return { outcome: right ? ('correct' as const) : ('wrong' as const), answer: text, strict: right };
      },
    };
    await trainGrpo(policy, task, { ...grpoOptions, lr: 2e-2, groupSize: 16, maxSteps: 20, klBeta: 0 }, context);
    const rewards = series(rows, 'reward');
    expect(rewards[0]).toBeLessThan(0.3);
    expect(rewards.at(-1)).toBeGreaterThan(0.7);
    expect(series(rows, 'kl')).toEqual([]);
    policy.dispose();
  });

  it('keeps the old policy fixed over several updates of a round', async () => {
    const policy = tinyPolicy(device);
    const { context, rows } = recordRun();
    await trainGrpo(policy, easyTask(), { ...grpoOptions, updatesPerRound: 3, lr: 5e-2, maxSteps: 2 }, context);
    // By the third update the policy has moved away from the sampler, so that some ratios are clipped.
    expect(Math.max(...series(rows, 'clip_ratio/region_mean'))).toBeGreaterThan(0);
    expect(Math.max(...series(rows, 'sampling/logp_diff_max'))).toBeLessThan(1e-4);
    policy.dispose();
  });

  it('does not depend on how a round is cut into micro-batches', async () => {
    const losses: number[][] = [];
    for (const microBatchTokens of [100_000, 120]) {
      const policy = tinyPolicy(device);
      const { context, rows } = recordRun();
      await trainGrpo(policy, easyTask(), { ...grpoOptions, maxSteps: 2, microBatchTokens }, context);
      losses.push([
        ...series(rows, 'loss'),
        ...series(rows, 'kl'),
        ...series(rows, 'grad_norm'),
        ...series(rows, 'entropy'),
      ]);
      policy.dispose();
    }
    losses[1]?.forEach((value, i) => {
      expect(value).toBeCloseTo(losses[0]?.[i] as number, 4);
    });
  });

  it('measures the divergence of adapters from the base below them', async () => {
    const policy = tinyPolicy(device, true);
    const { context, rows } = recordRun();
    await trainGrpo(policy, easyTask(), { ...grpoOptions, lr: 5e-2, maxSteps: 3 }, context);
    const kl = series(rows, 'kl');
    expect(kl[0]).toBeLessThan(1e-9);
    expect(kl[2]).toBeGreaterThan(1e-9);
    policy.dispose();
  });

  it('frees all that it took', async () => {
    const policy = tinyPolicy(device);
    const before = device.memory.liveBuffers;
    await trainGrpo(policy, easyTask(), { ...grpoOptions, maxSteps: 1 }, recordRun().context);
    expect(device.memory.liveBuffers).toBe(before);
    policy.dispose();
  });

  it('ends with an error after five rounds without finite gradients', async () => {
    const policy = tinyPolicy(device);
    const { context } = recordRun();
    const task = tinyTask();
    // A policy that is broken itself could not be sampled from, so the weight of the divergence overflows.
    const broken = { ...grpoOptions, klBeta: Number.MAX_VALUE, maxSteps: 9 };
    await expect(trainGrpo(policy, task, broken, { ...context, metrics: () => undefined })).rejects.toThrow(
      /5 steps in a row/,
    );
    policy.dispose();
  });
});
