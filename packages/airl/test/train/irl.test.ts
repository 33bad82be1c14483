import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Critic } from '../../src/critic/critic.ts';
import type { Task } from '../../src/task/task.ts';
import type { IrlOptions } from '../../src/train/irl/irl-options.ts';
import { trainIrl } from '../../src/train/irl.ts';
import { irlOptions, type Recorded, recordRun, series, tinyPolicy, tinyTask } from './tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

async function run(options: IrlOptions, task: Task = tinyTask(), stopAfter?: number, lora = false): Promise<Recorded> {
  const policy = tinyPolicy(device, lora);
  const critic = await Critic.copyOf(policy, {
    lora: lora ? { rank: 2, alpha: 4, targets: ['q_proj'], seed: 1 } : undefined,
  });
  const recorded = recordRun(undefined, stopAfter);
  try {
    await trainIrl(policy, critic, task, options, recorded.context);
  } finally {
    policy.dispose();
    critic.dispose();
  }
  return recorded;
}

describe('trainIrl', () => {
  it('learns from the experts of demonstrated prompts too where they join the groups', async () => {
    const alone = await run({ ...irlOptions, maxSteps: 1 });
    const joined = await run({ ...irlOptions, maxSteps: 1, expertInGroup: true });
    const lastOf = (recorded: Recorded, key: 'num_tokens' | 'completions/mean_length' | 'accuracy'): number =>
      series(recorded.rows, key).at(-1)!;
    // The same samples were drawn; two experts more were learned from, and metrics are still of the samples.
    expect(lastOf(joined, 'num_tokens')).toBeGreaterThan(lastOf(alone, 'num_tokens') + 2);
    expect(lastOf(joined, 'completions/mean_length')).toBe(lastOf(alone, 'completions/mean_length'));
    expect(lastOf(joined, 'accuracy')).toBe(lastOf(alone, 'accuracy'));
    expect(Math.max(...series(joined.rows, 'sampling/logp_diff_max'))).toBeLessThan(1e-4);
    expect(joined.samples.map(({ completion }) => completion)).toEqual(
      alone.samples.map(({ completion }) => completion),
    );
    // The group of the first prompt has its expert's reward in its mean.
    expect(joined.samples[0]!.advantages[0]).not.toBe(alone.samples[0]!.advantages[0]);
  });

  it('warms the critic up, then alternates, with U updates of the critic a round (D14)', async () => {
    const { rows, samples } = await run(irlOptions);
    expect(series(rows, 'step')).toEqual([0, 0, 0, 1, 2, 3, 4]);
    // The counter is W after the warm-up and grows by U a round.
    expect(series(rows, 'disc/updates')).toEqual([1, 2, 3, 5, 7, 9, 11]);
    expect(series(rows, 'disc/corrupted')).toEqual(new Array(7).fill(3 * 2));
    expect(series(rows, 'disc/lr')[2]).toBeCloseTo(irlOptions.critic.lr, 9);
    expect(Math.max(...series(rows, 'sampling/logp_diff_max'))).toBeLessThan(1e-4);
    // Half of the prompts of a round have a demonstration, and only theirs reach the critic.
    expect(
      series(rows, 'disc/on_policy')
        .slice(3)
        .every((count) => count >= 1 && count <= 4),
    ).toBe(true);
    expect(samples.length).toBe(4 * irlOptions.groupSize);
    for (const { token_rewards, completion_ids, reward } of samples) {
      expect(token_rewards.length).toBe(completion_ids.length);
      expect(token_rewards.reduce((a, b) => a + b, 0) / token_rewards.length).toBeCloseTo(reward, 5);
    }
  });

  it('teaches the critic to tell experts from samples, starting from no opinion', async () => {
    const critic = { ...irlOptions.critic, lr: 1e-2, expertsPerUpdate: 6, policyPerUpdate: 12 };
    const { rows } = await run({ ...irlOptions, critic, warmup: { steps: 25, samplesPerPrompt: 4 }, maxSteps: 1 });
    const losses = series(rows, 'disc/loss');
    // The head starts at zero, so every logit is 0 and both classes cost log 2.
    expect(losses[0]).toBeCloseTo(Math.LN2, 5);
    expect(losses[24]).toBeLessThan(0.6);
    expect((series(rows, 'disc/logit_expert')[24] as number) > (series(rows, 'disc/logit_policy')[24] as number)).toBe(
      true,
    );
  });

  it.each([
    ['sparse', 'sequence'],
    ['step', 'segment'],
    ['step', 'token'],
    ['interval', 'segment'],
    ['dense', 'token'],
  ] as const)('runs with granularity %s and credit %s', async (granularity, level) => {
    const { rows } = await run({
      ...irlOptions,
      reward: { ...irlOptions.reward, granularity },
      credit: { level, scale: 'group', gamma: level === 'token' ? 0.95 : 1 },
      maxSteps: 1,
    });
    expect(series(rows, 'step')).toEqual([0, 0, 0, 1]);
    expect(series(rows, 'grad_norm')[0]).toBeGreaterThan(0);
  });

  it('never looks at an answer unless it is told to relabel', async () => {
    const task = tinyTask();
    const blind: Task = { ...task, check: () => ({ outcome: 'wrong', answer: null, strict: false }) };
    const seeing: Task = { ...task, check: () => ({ outcome: 'correct', answer: '1', strict: true }) };
    const [a, b] = [
      await run({ ...irlOptions, maxSteps: 2 }, blind),
      await run({ ...irlOptions, maxSteps: 2 }, seeing),
    ];
    for (const key of ['loss', 'reward', 'disc/loss', 'grad_norm'] as const) {
      expect(series(a.rows, key)).toEqual(series(b.rows, key));
    }
  });

  it('skips the updates of the critic while relabelling leaves no negative, on an unchanged schedule', async () => {
    const task = tinyTask();
    // All samples of the first round are right, all others wrong. Of its four prompts two have no demonstration:
    // which ones are asked for tells the round.
    let round = 0;
    const oneGoodRound: Task = {
      ...task,
      unlabelled: (index) => {
        if (index % 2 === 1) round = (index + 1) / 2;
        return task.unlabelled(index);
      },
      check: () => ({ outcome: round === 1 ? 'correct' : 'wrong', answer: null, strict: false }),
    };
    const seeing: Task = { ...task, check: () => ({ outcome: 'correct', answer: '1', strict: true }) };
    const relabel = { ...irlOptions, relabel: 'checker', replay: { rounds: 0, onPolicyFraction: 0.25 } } as const;
    const none = await run(relabel, seeing);
    expect(series(none.rows, 'disc/updates')).toEqual([1, 2, 3, 5, 7, 9, 11]);
    expect(series(none.rows, 'disc/skipped')).toEqual([1, 1, 1, 2, 2, 2, 2]);
    expect(series(none.rows, 'disc/loss')).toEqual([]);
    expect(series(none.rows, 'step')).toEqual([0, 0, 0, 1, 2, 3, 4]);
    const some = await run(relabel, oneGoodRound);
    const plain = await run(irlOptions, task);
    expect(series(some.rows, 'disc/skipped')).toEqual([0, 0, 0, 2, 0, 0, 0]);
    expect(series(plain.rows, 'disc/skipped')).toEqual([0, 0, 0, 0, 0, 0, 0]);
    const rates = series(plain.rows, 'disc/lr');
    expect(series(some.rows, 'disc/lr')).toEqual([...rates.slice(0, 3), ...rates.slice(4)]);
  });

  it('refuses rounds without a demonstrated prompt before anything is sampled', async () => {
    for (const share of [{ promptsPerRound: 1 }, { unlabelledFraction: 1 }]) {
      const recorded = run({ ...irlOptions, ...share });
      await expect(recorded).rejects.toThrow(/train\.unlabelled_fraction.*train\.prompts_per_round/);
      await expect(recorded).rejects.toMatchObject({ code: 'config' });
    }
    // A frozen critic needs none: its warm-up draws prompts of its own.
    const critic = { ...irlOptions.critic, freezeAfterWarmup: true };
    const { rows } = await run({ ...irlOptions, critic, unlabelledFraction: 1, maxSteps: 1 });
    expect(series(rows, 'step')).toEqual([0, 0, 0, 1]);
  });

  it("tells the rate of the critic's warm-up", async () => {
    const { rows } = await run({ ...irlOptions, maxSteps: 1 });
    // The clock of the test moves 10 ms at a look, so that a rate is 100 times the tokens of 3 + 4 + 6 traces.
    for (const rate of series(rows.slice(0, 3), 'perf/tokens_per_second')) {
      expect(rate / 100).toBeGreaterThan(13);
      expect(rate / 100).toBeLessThanOrEqual(13 * tinyTask().maxCompletionTokens);
    }
    expect(series(rows, 'perf/tokens_per_second').length).toBe(4);
  });

  it('leaves the critic as it is after the warm-up where it is frozen', async () => {
    const { rows } = await run({
      ...irlOptions,
      critic: { ...irlOptions.critic, freezeAfterWarmup: true },
      maxSteps: 2,
    });
    expect(series(rows, 'disc/updates')).toEqual([1, 2, 3, 3, 3]);
  });

  it('trains adapters of policy and critic over frozen bases', async () => {
    const { rows } = await run({ ...irlOptions, maxSteps: 2 }, tinyTask(), undefined, true);
    expect(series(rows, 'kl')[0]).toBeLessThan(1e-9);
    expect(series(rows, 'disc/grad_norm').every((norm) => norm > 0)).toBe(true);
  });

  it('does not depend on how a round is cut into micro-batches', async () => {
    const [whole, cut] = [
      await run({ ...irlOptions, maxSteps: 1 }),
      await run({ ...irlOptions, maxSteps: 1, microBatchTokens: 90 }),
    ];
    for (const key of ['disc/loss', 'disc/grad_norm', 'loss', 'reward', 'grad_norm'] as const) {
      const expected = series(whole.rows, key);
      series(cut.rows, key).forEach((value, i) => {
        // Before the first update only the order of sums differs; AdamW's first steps have the size of the
        // learning rate however small a gradient is, so that rounding grows from there.
        expect(value).toBeCloseTo(expected[i] as number, key.startsWith('disc/') && i === 0 ? 6 : 2);
      });
    }
  });

  it('frees all that it took', async () => {
    const before = device.memory.liveBuffers;
    await run({ ...irlOptions, maxSteps: 1 });
    expect(device.memory.liveBuffers).toBe(before);
  });

  it('refuses a task without demonstrations', async () => {
    await expect(run(irlOptions, { ...tinyTask(), demonstrations: [] })).rejects.toThrow(/at least one demonstration/);
  });
});
