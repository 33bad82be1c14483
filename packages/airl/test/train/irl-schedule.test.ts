import type { DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { directoryCheckpoints } from '../../src/checkpoint/directory-checkpoints.ts';
import { loadStoredCritic } from '../../src/checkpoint/load-training-state.ts';
import type { CriticControl } from '../../src/critic/control.ts';
import { Critic } from '../../src/critic/critic.ts';
import { createCriticOptimizer } from '../../src/critic/critic-optimizer.ts';
import type { Task } from '../../src/task/task.ts';
import type { IrlOptions } from '../../src/train/irl/irl-options.ts';
import { trainIrl } from '../../src/train/irl.ts';
import type { RunContext } from '../../src/train/run-context.ts';
import { temporaryFolder } from '../checkpoint/temporary-folder.ts';
import { irlOptions, type Recorded, recordRun, series, tinyPolicy, tinyTask } from './tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const task: Task = { ...tinyTask(), maxCompletionTokens: 20 };
const short: IrlOptions = { ...irlOptions, promptsPerRound: 2, groupSize: 2, maxSteps: 1 };

interface Outcome extends Recorded {
  /** The critic's weights, trunk and head, after each row of metrics. */
  readonly weights: number[][];
  readonly policyWeights: number[];
}

/** Runs the trainer, with a look at the critic before the run and after it; `start` makes the critic. */
async function run(
  options: IrlOptions,
  of: Task = task,
  more: Partial<RunContext> = {},
  start: (policy: DecoderModel) => Promise<Critic> = (policy) => Critic.copyOf(policy),
): Promise<Outcome> {
  const policy = tinyPolicy(device);
  const critic = await start(policy);
  const recorded = recordRun();
  const read = async (): Promise<number[]> => {
    const [trunk, head] = critic.parameters() as [Critic['head']['parameters'], Critic['head']['parameters']];
    const name = 'model.layers.1.mlp.down_proj.weight';
    return [...(await trunk.read(name)), ...(await head.read(head.names[0]!))];
  };
  try {
    const before = await read();
    await trainIrl(policy, critic, of, options, { ...recorded.context, ...more });
    const policyWeights = [...(await policy.trainableParameters().read('model.norm.weight'))];
    return { ...recorded, weights: [before, await read()], policyWeights };
  } finally {
    policy.dispose();
    critic.dispose();
  }
}

describe('an R-AIRL run', () => {
  it('D14: changes the critic in every update, the last of which has a rate of 0, and counts U x rounds + W', async () => {
    const steps = { ...short, maxSteps: 2 };
    const { rows, weights } = await run(steps);
    expect(series(rows, 'disc/updates').at(-1)).toBe(steps.critic.updatesPerRound * 2 + steps.warmup.steps);
    expect(weights[1]).not.toEqual(weights[0]);
    expect(series(rows, 'disc/grad_norm').every((norm) => norm > 0)).toBe(true);
    expect(series(rows, 'disc/lr').at(-1)).toBeCloseTo(0, 12);
  });

  it('D11: tells before its first update what surface features alone tell the classes by', async () => {
    const { notes, rows } = await run(short);
    expect(notes.findIndex((note) => note.startsWith('leakage: '))).toBe(1);
    expect(notes[1]).toMatch(/tells 6 experts from 12 samples with AUROC [01]\.\d\d \(tokens\), [01]\.\d\d \(end\), /);
    const first = rows[0]!;
    expect(first['leak/most']).toBe(
      Math.max(...Object.entries(first).flatMap(([key, value]) => (/^leak\/(?!most)/.test(key) ? [value] : []))),
    );
    expect(series(rows, 'leak/most')).toHaveLength(1);
    // Without a warm-up the first round's samples are the first: two of each demonstrated prompt.
    const cold = await run({ ...short, warmup: { steps: 0, samplesPerPrompt: 1 } });
    expect(cold.notes[0]).toContain('tells 1 experts from 2 samples');
    expect(cold.rows[0]!['leak/most']).toBeGreaterThanOrEqual(0.5);
  });

  it('D11: warns where samples are all cut, so that the end token gives every class away, and can leave them out', async () => {
    const cut: Task = { ...task, maxCompletionTokens: 1 };
    const { rows, notes } = await run(short, cut);
    expect(rows[0]).toMatchObject({ 'leak/end': 1, 'leak/most': 1 });
    expect(notes.some((note) => /^warning: leak\/most is 1, above 0\.8 .*negatives\.drop_cut/.test(note))).toBe(true);
    const dropped = await run({ ...short, dropsCutSamples: true }, cut);
    expect(series(dropped.rows, 'disc/cut')).toEqual([2]);
    expect(series(dropped.rows, 'disc/skipped')).toEqual([1, 1, 1, 2]);
    expect(series(dropped.rows, 'disc/loss')).toEqual([]);
  });

  it('D1, T27: compares each sample with the answer of its own prompt, all of them, and logs label and reason', async () => {
    const seen: string[] = [];
    // The checker is given the gold answer of the prompt that the record is of.
    const own: Task = {
      ...task,
      check: (text, prompt) => {
        seen.push(prompt.gold);
        return task.check(text, prompt);
      },
    };
    const options = { ...short, promptsPerRound: 4, groupSize: 4, unlabelledFraction: 0, loggedPrompts: 4 };
    const { rows, samples } = await run({ ...options, relabel: 'checker' }, own);
    expect(series(rows, 'disc/compared')).toEqual([16]);
    expect(samples).toHaveLength(16);
    const golds = new Map(task.demonstrations.map(({ id, gold }) => [id, gold]));
    for (const { prompt_id, gold, correct, label, label_reason } of samples) {
      expect(gold).toBe(golds.get(prompt_id));
      expect([label, label_reason]).toEqual(
        correct ? ['positive', 'checker: same answer'] : ['negative', 'checker: other answer'],
      );
    }
    const plain = await run(short);
    expect(series(plain.rows, 'disc/compared')).toEqual([]);
    expect(plain.samples.every((row) => row.label_reason === 'source policy')).toBe(true);
  });

  it('D9: logs on-policy and replayed samples of an update on the whole round', async () => {
    const whole = { ...short.critic, expertsPerUpdate: null, policyPerUpdate: null };
    const options = { ...short, unlabelledFraction: 0, maxSteps: 2, critic: whole };
    const both = await run({ ...options, replay: { rounds: 2, onPolicyFraction: 0.5 } });
    // Warm-up: the samples of two prompts at a time. Rounds: 2 x 2, and as many of the warm-up or the round before.
    expect(series(both.rows, 'disc/on_policy')).toEqual([4, 4, 4, 4, 4]);
    expect(series(both.rows, 'disc/replayed')).toEqual([0, 0, 0, 4, 4]);
    const alone = await run({ ...options, replay: { rounds: 0, onPolicyFraction: 0.5 } });
    expect(series(alone.rows, 'disc/replayed')).toEqual([0, 0, 0, 0, 0]);
  });

  it('D9: replays nothing without a replay, also where relabelling leaves a round fewer negatives than samples', async () => {
    const whole = { ...short.critic, expertsPerUpdate: null, policyPerUpdate: null };
    // Every second sample of a prompt is right.
    let asked = 0;
    const half: Task = {
      ...task,
      check: (text, prompt) => {
        const verdict = task.check(text, prompt);
        return { ...verdict, outcome: asked++ % 2 === 0 ? 'correct' : 'wrong' };
      },
    };
    const options = { ...short, unlabelledFraction: 0, maxSteps: 3, critic: whole, relabel: 'checker' } as const;
    const { rows } = await run({ ...options, replay: { rounds: 0, onPolicyFraction: 0 } }, half);
    expect(series(rows, 'disc/relabelled').every((count) => count > 0 && count < 4)).toBe(true);
    expect(series(rows, 'disc/replayed').every((count) => count === 0)).toBe(true);
  });

  it('disc/auroc is of the critic alone, also where the checker is part of the reward', async () => {
    let asked = 0;
    const half: Task = {
      ...task,
      check: (text, prompt) => ({ ...task.check(text, prompt), outcome: asked++ % 2 === 0 ? 'correct' : 'wrong' }),
    };
    const options = { ...short, warmup: { steps: 0, samplesPerPrompt: 1 }, groupSize: 4 };
    const areas = [];
    for (const sources of [{}, { outcomeWeight: 100 }]) {
      asked = 0;
      areas.push(series((await run({ ...options, sources }, half)).rows, 'disc/auroc'));
    }
    expect(areas[0]).toHaveLength(1);
    expect(areas[1]).toEqual(areas[0]);
    expect(areas[0]![0]).toBeLessThan(1);
  });

  it('tells how long segments are where credit is of tokens', async () => {
    const interval = { ...short.reward, granularity: 'interval', intervalTokens: 7 } as const;
    const token = { level: 'token', scale: 'group', gamma: 0.9 } as const;
    const { rows, samples } = await run({ ...short, loggedPrompts: 2, reward: interval, credit: token });
    const lengths = samples.map(({ completion_ids }) => completion_ids.length);
    const segments = lengths.reduce((total, length) => total + Math.ceil(length / 7), 0);
    expect(series(rows, 'disc/segment_tokens')).toEqual([lengths.reduce((a, b) => a + b) / segments]);
    expect(series((await run(short)).rows, 'disc/segment_tokens')).toEqual([]);
  });

  it('learns nothing from groups whose rewards are all equal', async () => {
    const flat = { ...short.reward, clip: [2, 3] as const };
    const still = { ...short.optim, weightDecay: 0 };
    const { rows, policyWeights } = await run({ ...short, klBeta: 0, reward: flat, optim: still });
    expect(rows.at(-1)).toMatchObject({ reward: 2, reward_std: 0, frac_reward_zero_std: 1, grad_norm: 0 });
    const policy = tinyPolicy(device);
    const start = [...(await policy.trainableParameters().read('model.norm.weight'))];
    policy.dispose();
    expect(policyWeights).toEqual(start);
  });
});

describe('a control', () => {
  const controlled = (control: CriticControl, more: Partial<IrlOptions> = {}): IrlOptions => ({
    ...short,
    warmup: { steps: 2, samplesPerPrompt: 1 },
    ...more,
    critic: { ...short.critic, lr: 1e-2, expertsPerUpdate: 6, policyPerUpdate: 6, control },
  });

  it('is told in every row, and changes what the critic learns from', async () => {
    const losses = new Set<number>();
    for (const control of ['none', 'shuffled_labels', 'length_only'] as const) {
      const { rows } = await run(controlled(control));
      const number = { none: [], shuffled_labels: [1, 1, 1], length_only: [2, 2, 2] }[control];
      expect(series(rows, 'disc/control')).toEqual(number);
      losses.add(series(rows, 'disc/loss').at(-1)!);
    }
    expect(losses.size).toBe(3);
  });

  it('length_only gives the same rewards to samples of one prompt and length', async () => {
    const { samples } = await run(controlled('length_only', { loggedPrompts: 2, groupSize: 8 }));
    const rewards = new Map<string, number[]>();
    for (const { prompt_id, completion_ids, reward } of samples) {
      const key = `${prompt_id} ${completion_ids.length}`;
      rewards.set(key, [...(rewards.get(key) ?? []), reward]);
    }
    const groups = [...rewards.values()];
    expect(groups.some((group) => group.length > 1)).toBe(true);
    for (const group of groups) {
      for (const reward of group) expect(reward).toBeCloseTo(group[0]!, 5);
    }
    expect(new Set(samples.map(({ completion }) => completion)).size).toBeGreaterThan(groups.length);
  });
});

describe('a stored critic', () => {
  /** A run whose warm-up is kept, and the checkpoint at its end. */
  async function stored(): Promise<{ path: string; critic: (policy: DecoderModel) => Promise<Critic> }> {
    const folder = temporaryFolder();
    const checkpoints = directoryCheckpoints({
      folder,
      keep: 1,
      everySteps: 1,
      sideFiles: new Map(),
      resume: false,
      keepsWarmup: true,
    });
    await run(short, task, { checkpoints });
    return {
      path: `${folder}/step-00000000`,
      critic: async (policy) => {
        const critic = await Critic.copyOf(policy);
        await loadStoredCritic(`${folder}/step-00000000`, { critic, optimizer: undefined });
        return critic;
      },
    };
  }

  it('takes the place of the new one, its warm-up taken as done or gone on with, with its optimiser or without', async () => {
    const { path } = await stored();
    const optimizerSteps: number[] = [];
    const load = (withOptimizer: boolean): Partial<RunContext> => ({
      loadCritic: async ({ critic, optimizer }) => {
        await loadStoredCritic(path, { critic, optimizer: withOptimizer ? optimizer : undefined });
        optimizerSteps.push(optimizer!.stepCount);
      },
    });
    const done = await run(short, task, load(true));
    // W = 3 were done by the other run: U = 2 more, at a rate that falls from its peak.
    expect(series(done.rows, 'disc/updates')).toEqual([5]);
    expect(series(done.rows, 'step')).toEqual([1]);
    expect(done.rows[0]!['leak/most']).toBeGreaterThan(0);
    const on = await run({ ...short, warmup: { ...short.warmup, continues: true } }, task, load(false));
    expect(series(on.rows, 'disc/updates')).toEqual([1, 2, 3, 5]);
    // It has an opinion at once; a new one costs log 2.
    expect(Math.abs(series(on.rows, 'disc/loss')[0]! - Math.LN2)).toBeGreaterThan(1e-4);
    expect(optimizerSteps).toEqual([3, 0]);
  });

  it('can be frozen from the start; one that was never trained cannot', async () => {
    const { critic } = await stored();
    const frozen = { ...short, critic: { ...short.critic, freeze: true } };
    const { rows, weights } = await run(frozen, task, {}, critic);
    expect(weights[1]).toEqual(weights[0]);
    expect(series(rows, 'disc/updates')).toEqual([0]);
    expect(series(rows, 'reward_std')[0]).toBeGreaterThan(0);
    await expect(run(frozen)).rejects.toThrow(/critic\.freeze: expected a critic that was trained before/);
  });

  it('is refused where the folder is another, or its files do not fit', async () => {
    const policy = tinyPolicy(device);
    const critic = await Critic.copyOf(policy);
    const optimizer = createCriticOptimizer(critic, short.critic);
    const nothing = temporaryFolder();
    try {
      await expect(loadStoredCritic(nothing, { critic, optimizer })).rejects.toMatchObject({ code: 'config' });
    } finally {
      optimizer.dispose();
      critic.dispose();
      policy.dispose();
    }
  });
});

describe('weight decay', () => {
  it('is of matrices alone unless told to be of all weights', async () => {
    const gains = async (decaysAll: boolean): Promise<number> => {
      // No gradient reaches the policy: what changes is what decays.
      const flat = { ...short.reward, clip: [2, 3] as const };
      const optim = { ...short.optim, weightDecay: 1, warmupRatio: 0, decaysAll };
      const { policyWeights } = await run({ ...short, klBeta: 0, lr: 0.1, reward: flat, optim });
      return policyWeights[0]!;
    };
    expect([await gains(false), await gains(true)]).toEqual([1, expect.closeTo(0.9, 5)]);
  });
});
