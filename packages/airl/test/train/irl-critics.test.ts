import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Critic } from '../../src/critic/critic.ts';
import type { Shaping } from '../../src/critic/shaped-head.ts';
import type { IrlOptions } from '../../src/train/irl/irl-options.ts';
import { trainIrl } from '../../src/train/irl.ts';
import { irlOptions, type Recorded, recordRun, series, tinyPolicy, tinyTask } from './tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

async function run(changes: Partial<IrlOptions>, shaping?: Shaping): Promise<Recorded> {
  const policy = tinyPolicy(device);
  const critic = await Critic.copyOf(policy, { shaping });
  const recorded = recordRun();
  try {
    await trainIrl(policy, critic, tinyTask(), { ...irlOptions, maxSteps: 1, ...changes }, recorded.context);
  } finally {
    policy.dispose();
    critic.dispose();
  }
  return recorded;
}

describe('trainIrl', () => {
  it('trains a Wasserstein critic, and tells its penalty', async () => {
    const { rows } = await run({
      critic: { ...irlOptions.critic, loss: 'wasserstein', objective: { penaltyPairs: 2 } },
      reward: { ...irlOptions.reward, normalise: 'batch' },
    });
    expect(series(rows, 'disc/penalty').length).toBe(4);
    // Flat at first: each pair is penalised by 1.
    expect(series(rows, 'disc/penalty')[0]).toBeCloseTo(10, 3);
    expect(series(rows, 'disc/input_gradient')[3]).toBeGreaterThan(0);
    expect(series(rows, 'disc/loss_expert')).toEqual([]);
    expect(series(rows, 'disc/reward_std')[0]).toBeGreaterThan(0);
    // Whitened rewards have the mean 0 by segment, and a completion is worth the mean over its tokens.
    expect(Math.abs(series(rows, 'reward')[0]!)).toBeLessThan(1);
    expect(series(rows, 'grad_norm')[0]).toBeGreaterThan(0);
  });

  it('trains on pairs of whole traces', async () => {
    const { rows } = await run({
      critic: { ...irlOptions.critic, loss: 'pairwise', objective: { margin: 0, negativesPerPrompt: 1 } },
      reward: { ...irlOptions.reward, granularity: 'sparse' },
      corruptedPerExpert: 0,
      replay: { rounds: 0, onPolicyFraction: 1 },
    });
    expect(series(rows, 'disc/loss')[0]).toBeCloseTo(Math.LN2, 5);
    expect(series(rows, 'disc/loss').length).toBe(4);
    expect(series(rows, 'disc/entropy')).toEqual([]);
  });

  it.each([
    ['f-minus-logpi', { form: 'f-minus-logpi', logpi: 'sum' }, { level: 'segment' }],
    ['g and a share of the shaping', { form: 'g', shapeWeight: 0.5 }, { level: 'sequence' }],
    [
      'g alone, and g as the local signal',
      { form: 'g' },
      { level: 'sequence', local: { signal: 'g', weight: 0.05, clamp: [-2, 2] } },
    ],
  ] as const)('hands %s of a shaped critic to the policy', async (_, form, credit) => {
    const { rows, samples } = await run(
      {
        reward: { ...irlOptions.reward, granularity: 'step', clip: null, ...form },
        credit: { ...irlOptions.credit, ...credit },
      },
      { gamma: 1, clamp: null },
    );
    expect(series(rows, 'grad_norm')[0]).toBeGreaterThan(0);
    // A sample is worth the mean over its segments, not over its tokens.
    const [{ reward, token_rewards }] = samples as [(typeof samples)[0]];
    const plateaus = token_rewards.filter((value, t) => value !== token_rewards[t + 1]);
    expect(reward).toBeCloseTo(plateaus.reduce((a, b) => a + b, 0) / plateaus.length, 4);
    if (form.form === 'f-minus-logpi') expect(series(rows, 'disc/reward_mean')[0]).toBeGreaterThan(5);
  });

  it('refuses what does not go together before anything is sampled', async () => {
    await expect(run({ reward: { ...irlOptions.reward, form: 'g' } })).rejects.toMatchObject({ code: 'config' });
    await expect(run({ critic: { ...irlOptions.critic, loss: 'pairwise' } })).rejects.toThrow(/sparse/);
  });
});
