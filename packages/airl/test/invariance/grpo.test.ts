import type { DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STREAMS } from '../../src/data/streams.ts';
import type { MetricRow } from '../../src/metrics/names.ts';
import type { TraceRecord } from '../../src/record.ts';
import { rollout } from '../../src/rollout/rollout.ts';
import type { Task } from '../../src/task/task.ts';
import { type GrpoOptions, trainGrpo } from '../../src/train/grpo.ts';
import { createOptimizer } from '../../src/train/optim-options.ts';
import { policyUpdate } from '../../src/train/policy-update.ts';
import { createReference } from '../../src/train/reference-policy.ts';
import { roundAdvantages } from '../../src/train/round-advantages.ts';
import { roundMetrics, updateMetrics } from '../../src/train/round-log.ts';
import { roundPrompts } from '../../src/train/round-prompts.ts';
import { grpoOptions, optim, recordRun, series, tinyPolicy, tinyTask } from '../train/tiny-run.ts';
import { type AdapterWay, adaptedPolicy } from './adapted-policy.ts';
import { padded, regrouped } from './orders.ts';
import { expectSameRows } from './same-rows.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** A checker that likes about half of a random policy's samples, in every group. */
const task: Task = {
  ...tinyTask(),
  maxCompletionTokens: 12,
  check: (text) => ({ outcome: text.length % 2 === 0 ? 'correct' : 'wrong', answer: text, strict: false }),
};
/** Two updates, so that ratios, clips and divergences are not those of the start. */
const options: GrpoOptions = {
  ...grpoOptions,
  optim: { ...optim, warmupRatio: 0 },
  maxSteps: 1,
  promptsPerRound: 3,
  updatesPerRound: 2,
  entropyBonus: 0.01,
  lr: 1e-2,
};

interface Way {
  readonly options?: Partial<GrpoOptions>;
  readonly recomputes?: boolean;
  readonly adapters?: AdapterWay;
}

async function policyOf({ adapters, recomputes = false }: Way): Promise<DecoderModel> {
  const policy = adapters === undefined ? tinyPolicy(device) : await adaptedPolicy(device, adapters);
  policy.recomputesBlocks = recomputes;
  return policy;
}

/** A whole round of the trainer: its samples are drawn before anything could differ. */
async function rowsOf(way: Way): Promise<MetricRow[]> {
  const policy = await policyOf(way);
  const { context, rows } = recordRun();
  await trainGrpo(policy, task, { ...options, ...way.options }, context);
  policy.dispose();
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

describe('a round of GRPO on the same samples has the same metrics', () => {
  let whole: MetricRow[] | undefined;
  let adapted: MetricRow[] | undefined;

  it.each(Object.keys(WAYS))('%s', async (name) => {
    whole ??= await rowsOf({});
    const [row] = whole;
    // So that what is compared moves: rewards differ, ratios have left 1, there is a divergence.
    expect(row!.frac_reward_zero_std).toBe(0);
    expect(row!['ratio/max']).toBeGreaterThan(1.01);
    expect(row!.kl).toBeGreaterThan(1e-4);
    expectSameRows(await rowsOf(WAYS[name]!), whole);
  });

  it.each(Object.keys(ADAPTER_WAYS))('%s', async (name) => {
    adapted ??= await rowsOf({ adapters: 'attached after loading' });
    expect(series(adapted, 'grad_norm')[0]).toBeGreaterThan(0);
    expectSameRows(await rowsOf(ADAPTER_WAYS[name]!), adapted);
  });

  it('in any order of groups and of samples in them, and beside padding', async () => {
    const sampler = tinyPolicy(device);
    const drawn = await rollout(sampler, task, roundPrompts(task, 1, options), {
      samplesPerPrompt: options.groupSize,
      temperature: 1,
      seed: 7,
      stream: STREAMS.rollout,
      round: 1,
      marks: { granularity: 'sparse' },
    });
    sampler.dispose();
    const update = async (
      records: readonly TraceRecord[],
      groups: readonly number[],
      padding: readonly TraceRecord[],
    ) => {
      const policy = tinyPolicy(device);
      const reference = await createReference(policy);
      const optimizer = createOptimizer(policy.trainableParameters(), options.optim);
      const rewards = records.map(({ correct, completionIds }) =>
        new Float32Array(completionIds.length).fill(+correct),
      );
      const advantages = await roundAdvantages(records, rewards, reference, {
        ...options,
        credit: { level: 'sequence', scale: 'group', gamma: 1 },
        groups,
        maxTokens: task.maxCompletionTokens,
      });
      const [first, ...rest] = padding;
      const beside = first === undefined ? records : [first, ...records, ...rest];
      const result = await policyUpdate(policy, reference, optimizer, beside, { ...options, updates: 2 });
      reference.dispose();
      optimizer.dispose();
      policy.dispose();
      return { ...roundMetrics(records, advantages), ...updateMetrics(result) };
    };
    const groups = drawn.map((_, i) => Math.floor(i / options.groupSize));
    const straight = await update(drawn, groups, []);
    const other = regrouped(drawn, groups);
    expectSameRows([await update(other.records, other.groups, [])], [straight]);
    expectSameRows([await update(drawn, groups, padded(drawn))], [straight]);
    // The order does matter where samples are taken for those of another prompt.
    const mixed = await update(
      drawn,
      drawn.map((_, i) => i % 3),
      [],
    );
    expect(() => expectSameRows([mixed], [straight])).toThrow();
  });
});
