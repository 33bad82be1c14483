import { type Device, read, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type MarkValues, type RewardOptions, rewardScale, rewardsOf } from '../../src/credit/reward.ts';
import { RewardStatistics } from '../../src/credit/reward-statistics.ts';
import { Critic } from '../../src/critic/critic.ts';
import { type CriticChoice, criticChoiceFaults } from '../../src/critic/critic-choice.ts';
import { createCriticOptimizer } from '../../src/critic/critic-optimizer.ts';
import { criticUpdate, readCriticUpdates } from '../../src/critic/critic-update.ts';
import { ShapedHead } from '../../src/critic/shaped-head.ts';
import { optimalLogit } from '../../src/loss/reference.ts';
import { segmentsOf } from '../../src/segment/marks.ts';
import { type MarkChoice, policyRecord } from '../../src/task/create-record.ts';
import { createOptimizer } from '../../src/train/optim-options.ts';
import { optim, tinyPolicy, tinyTask } from '../train/tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const task = tinyTask();
const plain = { temperature: 1, clip: null } as const;

/** Of a completion of `marks.at(-1) + 1` tokens. */
function record(marks: number[], logp?: number[]) {
  const length = marks.at(-1)! + 1;
  return {
    id: 'sample',
    marks: Uint32Array.from(marks),
    segments: segmentsOf(marks),
    forced: new Uint8Array(length),
    ...(logp === undefined ? {} : { logp: Float32Array.from(logp) }),
  };
}

function reward(values: MarkValues, of: ReturnType<typeof record>, options: RewardOptions) {
  return rewardsOf([values], [of], options)[0]!;
}

describe('T4: a critic in a world of two traces', () => {
  it.each([0.1, 0])('reaches the optimum of the smoothed loss within 0.02, label smoothing %s', async (smoothing) => {
    const [demonstration, other] = task.demonstrations as [
      (typeof task.demonstrations)[0],
      (typeof task.demonstrations)[0],
    ];
    const made = (completionIds: Uint32Array, index: number) =>
      policyRecord(task, demonstration, completionIds.slice(0, 3), { granularity: 'sparse' }, { round: 1, index });
    const [a, b] = [made(demonstration.completionIds, 0), made(other.completionIds, 1)];
    const policy = tinyPolicy(device);
    const critic = await Critic.copyOf(policy);
    policy.dispose();
    const optimizer = createOptimizer(critic.parameters(), { ...optim, weightDecay: 0 });
    // The expert writes a in 4 of 5 cases, the policy in 1 of 5.
    const examples = { positives: [a, a, a, a, b], negatives: [a, b, b, b, b] };
    for (let update = 0; update < 80; update++) {
      const lr = 1e-2 * Math.min(1, (80 - update) / 40);
      await readCriticUpdates([
        criticUpdate(critic, optimizer, task, examples, { lr, labelSmoothing: smoothing, microBatchTokens: 4096 }),
      ]);
    }
    const [fa, fb] = await critic.markLogits(task, [a, b], 4096);
    const best = smoothing === 0 ? 1.38629 : 1.04597;
    expect(optimalLogit(0.8, 0.2, smoothing)).toBeCloseTo(best, 4);
    expect(Math.abs(fa![0]! - best)).toBeLessThan(0.02);
    expect(Math.abs(fb![0]! + best)).toBeLessThan(0.02);
    optimizer.dispose();
    critic.dispose();
  });
});

describe('the shaped head', () => {
  it('T6: has f = g + gamma h(end) - h(before) and the logit f - log pi', async () => {
    const head = new ShapedHead(device, 2);
    head.parameters.set('reward.weight', Float32Array.of(1, 0));
    head.parameters.set('potential.weight', Float32Array.of(0, 1));
    const { f, g, shape } = await scopeAsync(async () => {
      const hidden = Tensor.from(device, Float32Array.of(0, 0.2, 0.5, 0.6), [2, 2]);
      const values = head.values(hidden, Tensor.from(device, Uint32Array.of(0, 0), [2], 'u32'));
      const [one, two, three] = [await read(values.f), await read(values.g), await read(values.shape)];
      return { f: [one[1]!], g: [two[1]!], shape: [three[1]!] };
    });
    expect(f[0]).toBeCloseTo(0.9, 6);
    const form = { ...plain, form: 'f-minus-logpi' } as const;
    expect(reward({ f, g, shape }, record([1], [-1, -2]), form).whole).toBeCloseTo(3.9, 6);
    head.dispose();
  });

  it('telescopes with gamma 1: shaping adds up to h(last) - h(before the first), for any segments', async () => {
    const policy = tinyPolicy(device);
    const critic = await Critic.copyOf(policy, { shaping: { gamma: 1, clamp: null } });
    policy.dispose();
    critic.head.parameters.set(
      'potential.weight',
      Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)),
    );
    const sums = async (choice: MarkChoice): Promise<number[]> => {
      const records = task.demonstrations.map((demonstration, index) =>
        policyRecord(task, demonstration, demonstration.completionIds, choice, { round: 1, index }),
      );
      const values = await critic.markValues(task, records, 4096);
      return values.map(({ shape }) => Array.from(shape!).reduce((sum, value) => sum + value, 0));
    };
    const whole = await sums({ granularity: 'sparse' });
    expect(Math.max(...whole.map(Math.abs))).toBeGreaterThan(0.1);
    for (const choice of [
      { granularity: 'dense' },
      { granularity: 'step' },
      { granularity: 'interval', intervalTokens: 4 },
    ] as const) {
      (await sums(choice)).forEach((sum, i) => {
        expect(sum).toBeCloseTo(whole[i]!, 4);
      });
    }
    critic.dispose();
  });

  it('clamps the shaping, and moves the potential at a rate of its own', async () => {
    const policy = tinyPolicy(device);
    const critic = await Critic.copyOf(policy, { shaping: { gamma: 1, clamp: 0.05 } });
    const weights = Float32Array.from({ length: 16 }, (_, i) => Math.cos(i));
    critic.head.parameters.set('potential.weight', weights);
    const chosen = task.demonstrations.map((demonstration, index) =>
      policyRecord(task, demonstration, demonstration.completionIds, { granularity: 'step' }, { round: 1, index }),
    );
    const shapes = (await critic.markValues(task, chosen, 4096)).flatMap(({ shape }) => Array.from(shape!));
    expect(Math.max(...shapes.map(Math.abs))).toBeCloseTo(0.05, 6);
    expect(shapes.some((shape) => Math.abs(shape) < 0.049)).toBe(true);
    const optimizer = createCriticOptimizer(critic, { optim: { ...optim, weightDecay: 0 }, potentialLrScale: 0 });
    const update = criticUpdate(
      critic,
      optimizer,
      task,
      { positives: chosen.slice(3), negatives: chosen.slice(0, 3) },
      {
        lr: 1e-2,
        labelSmoothing: 0.1,
        microBatchTokens: 4096,
        density: { model: policy, temperature: 1 },
      },
    );
    await readCriticUpdates([update]);
    expect(await read(critic.head.parameters.get('potential.weight'))).toEqual(weights);
    expect((await read(critic.head.parameters.get('reward.weight'))).every((value) => value !== 0)).toBe(true);
    optimizer.dispose();
    critic.dispose();
    policy.dispose();
  });
});

describe('rewardsOf', () => {
  const shaped = { f: [3, -1], g: [2, -2], shape: [1, 1] };

  it('has the values of each form', () => {
    const of = record([1, 2], [-1, -2, -4]);
    const tokens = (options: Partial<RewardOptions>): number[] => [
      ...reward(shaped, of, { ...plain, ...options }).tokens,
    ];
    expect(tokens({})).toEqual([3, 3, -1]);
    expect(tokens({ form: 'g' })).toEqual([2, 2, -2]);
    expect(tokens({ form: 'g', shapeWeight: 0.5 })).toEqual([2.5, 2.5, -1.5]);
    expect(tokens({ form: 'g', shapeWeight: 1 })).toEqual(tokens({ form: 'f' }));
    expect(tokens({ form: 'f-minus-logpi' })).toEqual([6, 6, 3]);
    expect(tokens({ form: 'f-minus-logpi', logpi: 'mean' })).toEqual([4.5, 4.5, 3]);
  });

  it('leaves tokens of the environment out of log pi', () => {
    const of = { ...record([1, 2], [-1, -2, -4]), forced: Uint8Array.of(0, 1, 1) };
    const form = { ...plain, form: 'f-minus-logpi', logpi: 'mean' } as const;
    expect([...reward(shaped, of, form).tokens]).toEqual([4, 4, -1]);
  });

  it('clips a shaped critic by segment, averages over segments, and clips again; a plain one over tokens', () => {
    const clip = [-1.5, 2] as const;
    const { tokens, whole } = reward(shaped, record([7, 8]), { ...plain, clip });
    expect([tokens[0], tokens[8]]).toEqual([2, -1]);
    expect(whole).toBe(0.5);
    expect(reward({ f: [3, -1] }, record([7, 8]), { ...plain, clip }).whole).toBeUndefined();
  });

  it('whitens over the round before it clips, after the temperature', () => {
    const values = [{ f: [10, 30] }, { f: [50] }];
    const records = [record([0, 1]), record([2])];
    const options = { temperature: 10, clip: [-1, 1], normalise: 'batch' } as const;
    const [first, second] = rewardsOf(values, records, options);
    expect([...first!.tokens]).toEqual([-1, 0]);
    expect([...second!.tokens]).toEqual([1, 1, 1]);
    expect(first!.raw).toEqual([1, 3]);
    const scale = rewardScale([first!, second!], options);
    expect(scale['disc/reward_mean']).toBeCloseTo(3, 9);
    expect(scale['disc/reward_std']).toBeCloseTo(Math.sqrt(8 / 3), 9);
    expect(rewardScale([first!], { form: 'f' })).toEqual({});
  });

  it('keeps the statistics of all rounds, as if they had been one, and takes them up again', () => {
    const rounds = [[1e6 + 1, 1e6 + 2], [1e6 + 6], [1e6 + 3, 1e6 + 8, 1e6]];
    const statistics = new RewardStatistics();
    const restored = new RewardStatistics();
    const options = { ...plain, normalise: 'running' } as const;
    rounds.forEach((values, i) => {
      if (i === 2) restored.restore(JSON.parse(JSON.stringify(statistics.state())));
      rewardsOf([{ f: values }], [record(values.map((_, t) => t))], options, statistics);
    });
    const all = rounds.flat();
    const mean = all.reduce((sum, value) => sum + value, 0) / 6;
    expect(statistics.mean).toBeCloseTo(mean, 6);
    expect(statistics.deviation).toBeCloseTo(Math.sqrt(all.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 6), 9);
    restored.add(rounds[2]!);
    expect(restored.state()).toEqual(statistics.state());
  });

  it('refuses a form without its numbers', () => {
    expect(() => reward({ f: [1] }, record([1]), { ...plain, form: 'g' })).toThrow(/shaped critic/);
    expect(() => reward({ f: [1] }, record([1]), { ...plain, form: 'f-minus-logpi' })).toThrow(/log-probabilities/);
    expect(() => rewardsOf([{ f: [1] }], [record([1])], { ...plain, normalise: 'running' })).toThrow(/statistics/);
  });
});

describe('criticChoiceFaults', () => {
  const valid: CriticChoice = {
    kind: 'plain',
    loss: 'bce',
    granularity: 'step',
    reward: { form: 'f' },
    corruptedPerExpert: 1,
    replayRounds: 1,
  };
  const pairs: CriticChoice = {
    ...valid,
    loss: 'pairwise',
    granularity: 'sparse',
    corruptedPerExpert: 0,
    replayRounds: 0,
  };

  it.each([
    ['the default', valid],
    ['pairs', pairs],
    ['pairs with a margin', { ...pairs, objective: { margin: 1, negativesPerPrompt: 2 } }],
    ['wasserstein', { ...valid, loss: 'wasserstein', objective: { penaltyPairs: 2 } }],
    ['f - log pi of a plain critic', { ...valid, reward: { form: 'f-minus-logpi', logpi: 'mean' } }],
    ['shaped', { ...valid, kind: 'shaped', reward: { form: 'g', shapeWeight: 0.5 }, localSignal: 'g' }],
  ] as [string, CriticChoice][])('lets %s pass', (_, choice) => {
    expect(criticChoiceFaults(choice)).toEqual([]);
  });

  it.each([
    [{ ...pairs, granularity: 'step' }, 'reward.granularity', /sparse/],
    [{ ...pairs, corruptedPerExpert: 1 }, 'negatives.per_expert', /policy alone/],
    [{ ...pairs, replayRounds: 1 }, 'replay.rounds', /current round alone/],
    [{ ...pairs, kind: 'shaped' }, 'critic.kind', /kind plain/],
    [{ ...valid, kind: 'shaped', loss: 'wasserstein' }, 'critic.kind', /kind plain/],
    [{ ...valid, objective: { margin: 1 } }, 'critic.pairwise.margin', /only critic.loss=pairwise/],
    [
      { ...valid, objective: { negativesPerPrompt: 1 } },
      'critic.pairwise.negatives_per_prompt',
      /only critic.loss=pairwise/,
    ],
    [{ ...valid, objective: { penaltyPairs: 1 } }, 'critic.penalty_pairs', /wasserstein/],
    [{ ...valid, reward: { form: 'g' } }, 'reward.form', /shaped/],
    [{ ...valid, reward: { shapeWeight: 1 } }, 'reward.shape_weight', /reward.form=g/],
    [{ ...valid, reward: { logpi: 'mean' } }, 'reward.logpi', /f-minus-logpi/],
    [{ ...valid, localSignal: 'g' }, 'credit.local', /shaped/],
  ] as [CriticChoice, string, RegExp][])('refuses what does not go together: %#', (choice, key, message) => {
    const faults = criticChoiceFaults(choice);
    expect(faults.length).toBe(1);
    expect(faults[0]!.keys).toContain(key);
    expect(faults[0]!.message).toMatch(message);
  });
});
