import type { Adamw } from '@dawngrad/autograd';
import type { DecoderModel } from '@dawngrad/models';
import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { estimateAdvantages } from '../../src/credit/advantage.ts';
import { policyLoss } from '../../src/loss/reference.ts';
import type { TraceRecord } from '../../src/record.ts';
import { recordLogProbs } from '../../src/rollout/record-log-probs.ts';
import { policyRecord } from '../../src/task/create-record.ts';
import { createOptimizer } from '../../src/train/optim-options.ts';
import { type PolicyUpdateOptions, type PolicyUpdateResult, policyUpdate } from '../../src/train/policy-update.ts';
import { createReference, type ReferencePolicy } from '../../src/train/reference-policy.ts';
import { readSteps, supervisedStep } from '../../src/train/supervised-step.ts';
import { optim, tinyPolicy, tinyTask } from './tiny-run.ts';

let device: Device;
let policy: DecoderModel;
let reference: ReferencePolicy;
let optimizer: Adamw;
beforeAll(async () => {
  device = await openDevice();
  policy = tinyPolicy(device);
  // A reference that differs, so that the divergence is not 0.
  reference = await createReference(policy);
  reference.model.initialise(12);
  reference.model.base.set(
    'lm_head.weight',
    Float32Array.from({ length: 68 * 16 }, (_, i) => 0.3 * Math.sin(i)),
  );
  optimizer = createOptimizer(policy.trainableParameters(), optim);
});
afterAll(() => {
  policy.dispose();
  reference.dispose();
  optimizer.dispose();
  device.close();
});

const task = tinyTask();

/** Records of the demonstrations as if the policy had written them, with made-up advantages. */
async function records(): Promise<TraceRecord[]> {
  const found = task.demonstrations.map((demonstration, index) =>
    policyRecord(task, demonstration, demonstration.completionIds, { granularity: 'sparse' }, { round: 1, index }),
  );
  const logps = await recordLogProbs(policy, found, 4096);
  return found.map((record, i) => ({
    ...record,
    logp: logps[i]!,
    advantage: Float32Array.from(record.completionIds, (_, t) => Math.sin(3 * i + t)),
  }));
}

const options: PolicyUpdateOptions = {
  // A rate of 0 leaves the policy as it is, so that one test does not move the next.
  lr: 0,
  clip: { low: 0.2, high: 0.2 },
  klBeta: 0.3,
  updates: 1,
  temperature: 1,
  normalisation: 'token',
  microBatchTokens: 10_000,
};

/** The same numbers in float64, from the log-probabilities of both models. */
async function expected(
  batch: readonly TraceRecord[],
  { normalisation, temperature, klBeta, clip }: PolicyUpdateOptions,
): Promise<{ loss: number; kl: number }> {
  const newLogp = await recordLogProbs(policy, batch, 4096, { temperature });
  const refLogp = await recordLogProbs(reference.model, batch, 4096, { temperature });
  const flat = (lists: readonly ArrayLike<number>[]): number[] => lists.flatMap((list) => Array.from(list));
  return policyLoss(
    {
      newLogp: flat(newLogp),
      oldLogp: flat(newLogp),
      refLogp: flat(refLogp),
      advantage: flat(batch.map(({ advantage }) => advantage!)),
      trained: flat(batch.map(({ forced }) => forced)).map((one) => 1 - one),
      sequence: batch.flatMap(({ completionIds }, i) => Array.from(completionIds, () => i)),
    },
    { clip, klBeta, normalisation: normalisation === 'token' ? 'bnpo' : 'grpo', maxTokens: 0 },
  );
}

function expectSame(actual: PolicyUpdateResult, other: PolicyUpdateResult): void {
  for (const key of ['loss', 'kl', 'entropy', 'clipped', 'gradientNorm', 'tokens'] as const) {
    expect(actual[key], key).toBeCloseTo(other[key] as number, 5);
  }
}

describe('policyUpdate', () => {
  it.each([
    ['token', 1],
    ['sequence', 1],
    ['token', 0.7],
  ] as const)(
    'computes the objective of the reference: %s normalisation, temperature %s',
    async (normalisation, temperature) => {
      const batch = await records();
      const chosen = { ...options, normalisation, temperature };
      const result = await policyUpdate(policy, reference, optimizer, batch, chosen);
      const { loss, kl } = await expected(batch, chosen);
      expect(result.loss).toBeCloseTo(loss, 5);
      expect(result.kl).toBeCloseTo(kl, 5);
      expect(kl).toBeGreaterThan(0.01);
      // A tool wrote some of the tokens; they count for nothing.
      const all = batch.reduce((total, { completionIds }) => total + completionIds.length, 0);
      const forced = batch.reduce((total, record) => total + record.forced.reduce((a, b) => a + b, 0), 0);
      expect(forced).toBeGreaterThan(6);
      expect(result.tokens).toBe(all - forced);
      expect([result.clipped, result.nonFinite]).toEqual([0, 0]);
    },
  );

  it('does not depend on micro-batches nor on the order of the samples', async () => {
    const batch = await records();
    const whole = await policyUpdate(policy, reference, optimizer, batch, options);
    expectSame(await policyUpdate(policy, reference, optimizer, batch, { ...options, microBatchTokens: 70 }), whole);
    expectSame(await policyUpdate(policy, reference, optimizer, [...batch].reverse(), options), whole);
  });

  it('takes no notice of what is said about tokens that the tool wrote', async () => {
    const batch = await records();
    const whole = await policyUpdate(policy, reference, optimizer, batch, options);
    const altered = batch.map((record) => ({
      ...record,
      advantage: record.advantage!.map((value, t) => (record.forced[t] ? 1000 : value)),
      logp: record.logp!.map((value, t) => (record.forced[t] ? -50 : value)),
    }));
    const result = await policyUpdate(policy, reference, optimizer, altered, options);
    expectSame(result, whole);
    expect(result.sampledError).toBeLessThan(1e-5);
  });

  it('makes no pass for old log-probabilities: they are those of the first update, and kept where there are more', async () => {
    const batch = await records();
    const work = async (updates: number): Promise<number> => {
      const before = device.counters.flops;
      await policyUpdate(policy, undefined, optimizer, batch, { ...options, klBeta: 0, updates });
      return device.counters.flops - before;
    };
    // What one forward and backward pass takes, by the trainer that has nothing else.
    const before = device.counters.flops;
    await readSteps([supervisedStep(policy, optimizer, batch, { lr: 0, microBatchTokens: 10_000 })]);
    const pass = device.counters.flops - before;
    expect([await work(1), await work(2), await work(3)]).toEqual([pass, 2 * pass, 3 * pass]);
  });

  it('notices a sampler that disagrees with the trainer', async () => {
    const batch = await records();
    const [first] = batch;
    first!.logp![2] = first!.logp![2]! + 0.25;
    const result = await policyUpdate(policy, reference, optimizer, batch, options);
    expect(result.sampledError).toBeCloseTo(0.25, 4);
  });

  it('learns from the first token of a completion on (D2)', async () => {
    const batch = (await records()).map((record) => {
      return { ...record, advantage: record.advantage!.map((_, t) => (t === 0 ? 1 : 0)) };
    });
    const { gradientNorm } = await policyUpdate(policy, undefined, optimizer, batch, { ...options, klBeta: 0 });
    expect(gradientNorm).toBeGreaterThan(1e-3);
    const none = batch.map((record) => ({ ...record, advantage: new Float32Array(record.completionIds.length) }));
    const still = await policyUpdate(policy, undefined, optimizer, none, { ...options, klBeta: 0 });
    expect(still.gradientNorm).toBe(0);
  });

  it('T9: makes samples that beat their group likelier, by (1 - mean) / std', async () => {
    const batch = (await records()).slice(0, 4);
    const { perToken } = estimateAdvantages(
      batch.map(({ completionIds, segments }, i) => ({
        group: 0,
        rewards: new Float32Array(completionIds.length).fill(i === 0 ? 1 : 0),
        segments,
      })),
      { level: 'sequence', scale: 'group', gamma: 1 },
    );
    expect(perToken.map((values) => values[0]!.toFixed(4))).toEqual(['1.4997', '-0.4999', '-0.4999', '-0.4999']);
    batch.forEach((record, i) => {
      record.advantage = perToken[i]!;
    });
    const learner = tinyPolicy(device);
    const own = createOptimizer(learner.trainableParameters(), optim);
    const sumOf = async (): Promise<number[]> =>
      (await recordLogProbs(learner, batch, 4096)).map((logps) => logps.reduce((a, b) => a + b, 0) / logps.length);
    const before = await sumOf();
    for (let i = 0; i < 5; i++) {
      await policyUpdate(learner, undefined, own, batch, { ...options, lr: 5e-3, klBeta: 0 });
    }
    const gain = (await sumOf()).map((value, i) => value - before[i]!);
    for (const other of [1, 2, 3]) expect(gain[0]).toBeGreaterThan(gain[other]!);
    expect(gain[0]).toBeGreaterThan(0);
    learner.dispose();
    own.dispose();
  });
});
