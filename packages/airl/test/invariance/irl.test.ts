import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Critic } from '../../src/critic/critic.ts';
import { criticMetrics } from '../../src/critic/critic-metrics.ts';
import { criticUpdate, readCriticUpdates } from '../../src/critic/critic-update.ts';
import { STREAMS } from '../../src/data/streams.ts';
import type { MetricRow } from '../../src/metrics/names.ts';
import type { TraceRecord } from '../../src/record.ts';
import { rollout } from '../../src/rollout/rollout.ts';
import { expertRecord } from '../../src/task/create-record.ts';
import type { IrlOptions } from '../../src/train/irl/irl-options.ts';
import { trainIrl } from '../../src/train/irl.ts';
import { createOptimizer } from '../../src/train/optim-options.ts';
import { policyUpdate } from '../../src/train/policy-update.ts';
import { createReference } from '../../src/train/reference-policy.ts';
import { roundAdvantages } from '../../src/train/round-advantages.ts';
import { roundMetrics, updateMetrics } from '../../src/train/round-log.ts';
import { irlOptions, optim, recordRun, series, tinyPolicy, tinyTask } from '../train/tiny-run.ts';
import { type AdapterWay, adaptedPolicy } from './adapted-policy.ts';
import { padded, regrouped } from './orders.ts';
import { expectSameRows } from './same-rows.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const task = { ...tinyTask(), maxCompletionTokens: 12 };
/**
 * The critic's classes balance exactly, so that parts of its gradient are 0 but for rounding; AdamW divides them by their
 * own size, and rounding alone would decide the sign of such a step unless epsilon is above it.
 */
const optimised = { ...optim, warmupRatio: 0, epsilon: 1e-4 };
/** A warm-up and one round: its samples are drawn before the policy could differ. */
const options: IrlOptions = {
  ...irlOptions,
  optim: optimised,
  maxSteps: 1,
  promptsPerRound: 3,
  updatesPerRound: 2,
  lr: 1e-2,
  critic: { ...irlOptions.critic, optim: optimised, lr: 1e-2 },
  warmup: { steps: 2, samplesPerPrompt: 2 },
};

const GRANULARITIES: Readonly<Record<'sparse' | 'dense', Pick<IrlOptions, 'reward' | 'credit'>>> = {
  sparse: {
    reward: { ...irlOptions.reward, granularity: 'sparse' },
    credit: { level: 'sequence', scale: 'group', gamma: 1 },
  },
  dense: {
    reward: { ...irlOptions.reward, granularity: 'dense' },
    credit: { level: 'token', scale: 'group', gamma: 0.9 },
  },
};
type Granularity = keyof typeof GRANULARITIES;

interface Way {
  readonly options?: Partial<IrlOptions>;
  readonly recomputes?: boolean;
  readonly adapters?: AdapterWay;
}

async function rowsOf(granularity: Granularity, { adapters, recomputes = false, ...way }: Way): Promise<MetricRow[]> {
  const policy = adapters === undefined ? tinyPolicy(device) : await adaptedPolicy(device, adapters);
  const targets = ['q_proj', 'up_proj'];
  const critic = await Critic.copyOf(policy, {
    lora:
      adapters === undefined
        ? undefined
        : {
            rank: 2,
            alpha: 4,
            seed: 1,
            targets: adapters === 'targets in another order' ? targets.reverse() : targets,
          },
  });
  policy.recomputesBlocks = recomputes;
  critic.model.recomputesBlocks = recomputes;
  const { context, rows } = recordRun();
  await trainIrl(policy, critic, task, { ...options, ...GRANULARITIES[granularity], ...way.options }, context);
  policy.dispose();
  critic.dispose();
  return rows;
}

const WAYS: Readonly<Record<string, Way>> = {
  'accumulated over micro-batches of one trace, so without packing': { options: { microBatchTokens: 1 } },
  'with the blocks computed again for the gradient': { recomputes: true },
};

const ADAPTER_WAYS: Readonly<Record<string, Way>> = {
  'with adapters attached before the weights are loaded': { adapters: 'attached before loading' },
  'with the targets of the adapters in another order': { adapters: 'targets in another order' },
};

describe.each(Object.keys(GRANULARITIES) as Granularity[])('a round of R-AIRL with a %s critic', (granularity) => {
  let whole: MetricRow[] | undefined;
  let adapted: MetricRow[] | undefined;

  it.each(Object.keys(WAYS))('has the same metrics %s', async (name) => {
    whole ??= await rowsOf(granularity, {});
    const row = whole.at(-1)!;
    // So that what is compared moves: the critic has learned, rewards differ, ratios have left 1.
    expect(Math.abs(row['disc/logit_expert']! - row['disc/logit_policy']!)).toBeGreaterThan(1e-3);
    expect(row.reward_std).toBeGreaterThan(1e-3);
    expect(row['ratio/max']).toBeGreaterThan(1.01);
    expectSameRows(await rowsOf(granularity, WAYS[name]!), whole);
  });

  // What adapters do to a pass is the same at every granularity.
  if (granularity === 'sparse') {
    it.each(Object.keys(ADAPTER_WAYS))('has the same metrics %s', async (name) => {
      adapted ??= await rowsOf(granularity, { adapters: 'attached after loading' });
      expect(series(adapted, 'grad_norm')[0]).toBeGreaterThan(0);
      expectSameRows(await rowsOf(granularity, ADAPTER_WAYS[name]!), adapted);
    });
  }

  it('has the same metrics in any order of examples, groups and samples, and beside padding', async () => {
    const { reward, credit } = GRANULARITIES[granularity];
    const { groupSize, microBatchTokens } = options;
    const sampler = tinyPolicy(device);
    const prompts = task.demonstrations.slice(0, 3);
    const drawn = await rollout(sampler, task, prompts, {
      samplesPerPrompt: groupSize,
      temperature: 1,
      seed: 7,
      stream: STREAMS.rollout,
      round: 1,
      marks: reward,
    });
    sampler.dispose();
    const experts = prompts.map((prompt) => expertRecord(task, prompt, reward));
    const round = async (
      examples: { positives: readonly TraceRecord[]; negatives: readonly TraceRecord[] },
      records: readonly TraceRecord[],
      groups: readonly number[],
      padding: readonly TraceRecord[],
    ) => {
      const policy = tinyPolicy(device);
      const critic = await Critic.copyOf(policy);
      const reference = await createReference(policy);
      const optimizer = createOptimizer(policy.trainableParameters(), optimised);
      const criticOptimizer = createOptimizer(critic.parameters(), optimised);
      const updates = [1, 2].map(() =>
        criticUpdate(critic, criticOptimizer, task, examples, { lr: 1e-2, labelSmoothing: 0.1, microBatchTokens }),
      );
      const [, second] = await readCriticUpdates(updates);
      await critic.score(task, records, microBatchTokens, reward);
      const rewards = records.map(({ critic: tokens }) => tokens!);
      const scored = { ...options, credit, groups, maxTokens: task.maxCompletionTokens };
      const advantages = await roundAdvantages(records, rewards, reference, scored);
      const [first, ...rest] = padding;
      const beside = first === undefined ? records : [first, ...records, ...rest];
      const result = await policyUpdate(policy, reference, optimizer, beside, { ...options, updates: 2 });
      for (const one of [reference, optimizer, criticOptimizer, policy, critic]) one.dispose();
      return { ...roundMetrics(records, advantages), ...updateMetrics(result), ...criticMetrics(second!, 0.1) };
    };
    const groups = drawn.map((_, i) => Math.floor(i / groupSize));
    const examples = { positives: experts, negatives: drawn };
    const straight = await round(examples, drawn, groups, []);
    const other = regrouped(drawn, groups);
    const shuffled = { positives: experts.toReversed(), negatives: other.records };
    expectSameRows([await round(shuffled, other.records, other.groups, [])], [straight]);
    // A trace without a mark has nothing to say to the critic, one without a trained token nothing to the policy.
    const padding = padded(drawn);
    const beside = { positives: [padding[0]!, ...experts], negatives: [...drawn, padding[1]!] };
    expectSameRows([await round(beside, drawn, groups, padding)], [straight]);
    // The sides do matter.
    const swapped = await round({ positives: drawn, negatives: experts }, drawn, groups, []);
    expect(() => expectSameRows([swapped], [straight])).toThrow();
  });
});
