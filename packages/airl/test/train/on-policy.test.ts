import type { Device } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { STREAMS } from '../../src/data/streams.ts';
import { POLICY_LOSSES, type PolicyLossName } from '../../src/loss/policy/table.ts';
import { rollout } from '../../src/rollout/rollout.ts';
import { createOptimizer } from '../../src/train/optim-options.ts';
import { policyUpdate } from '../../src/train/policy-update.ts';
import { createReference } from '../../src/train/reference-policy.ts';
import { roundAdvantages } from '../../src/train/round-advantages.ts';
import { roundPrompts } from '../../src/train/round-prompts.ts';
import { grpoOptions, optim, tinyPolicy, tinyTask } from './tiny-run.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const task = tinyTask();
const LOSSES = Object.keys(POLICY_LOSSES) as PolicyLossName[];

async function sampledRound(temperature: number) {
  const policy = tinyPolicy(device);
  const records = await rollout(policy, task, roundPrompts(task, 1, grpoOptions), {
    samplesPerPrompt: 4,
    temperature,
    seed: 3,
    stream: STREAMS.rollout,
    round: 1,
    marks: { granularity: 'interval', intervalTokens: 4 },
  });
  return { policy, records };
}

describe('a round of samples', () => {
  it.each([0.5, 1, 1.3])('has ratios of 1 in the first update at temperature %s', async (temperature) => {
    const { policy, records } = await sampledRound(temperature);
    for (const record of records) record.advantage = new Float32Array(record.completionIds.length).fill(1);
    const optimizer = createOptimizer(policy.trainableParameters(), optim);
    const options = { ...grpoOptions, lr: 1e-2, klBeta: 0, temperature };
    const first = await policyUpdate(policy, undefined, optimizer, records, { ...options, updates: 1 });
    // The sampler's log-probabilities against the trainer's: |rho - 1| if they were used as the old ones.
    expect(Math.expm1(first.sampledError)).toBeLessThan(1e-4);
    expect([first.ratioMin, first.ratioMax, first.clipped]).toEqual([1, 1, 0]);
    // Once the policy has moved, the ratio tells.
    const second = await policyUpdate(policy, undefined, optimizer, records, { ...options, updates: 2 });
    expect(second.ratioMax).toBeGreaterThan(1.0001);
    expect(second.sampledError).toBeGreaterThan(1e-3);
    optimizer.dispose();
    policy.dispose();
  });

  it.each(LOSSES)('gives %s the same update however it is cut, in any order, with recomputed blocks', async (loss) => {
    const results: number[][] = [];
    for (const way of ['whole', 'micro-batches', 'reversed', 'recomputed'] as const) {
      const { policy, records } = await sampledRound(1);
      const reference = await createReference(policy);
      policy.recomputesBlocks = way === 'recomputed';
      const optimizer = createOptimizer(policy.trainableParameters(), optim);
      const credit = { level: 'token', scale: 'group', gamma: 0.95 } as const;
      const rewards = records.map(({ completionIds }, i) =>
        Float32Array.from(completionIds, (_, t) => Math.sin(i + 0.7 * t)),
      );
      await roundAdvantages(records, rewards, reference, { ...grpoOptions, credit, maxTokens: 40 });
      const result = await policyUpdate(
        policy,
        reference,
        optimizer,
        way === 'reversed' ? records.reverse() : records,
        {
          ...grpoOptions,
          loss,
          lr: 1e-2,
          klBeta: 0.1,
          kl: { form: 'k2', unbiased: true, place: 'loss' },
          entropyBonus: 0.01,
          normalisation: 'constant',
          maxTokens: 40,
          updates: 2,
          microBatchTokens: way === 'micro-batches' ? 90 : 10_000,
        },
      );
      const { loss: value, kl, k1, k2, entropy, clippedLow, clippedHigh, ratioMin, ratioMax, gradientNorm } = result;
      results.push([value, kl!, k1!, k2!, entropy, clippedLow, clippedHigh, ratioMin, ratioMax, gradientNorm]);
      reference.dispose();
      optimizer.dispose();
      policy.dispose();
    }
    const [whole, ...others] = results as [number[], ...number[][]];
    for (const other of others) {
      other.forEach((value, i) => {
        expect(Math.abs(value - whole[i]!)).toBeLessThan(2e-4 * Math.max(1, Math.abs(whole[i]!)));
      });
    }
  });

  it('leaves cut samples out when told so, and does nothing where none is left', async () => {
    const { policy, records } = await sampledRound(1);
    const optimizer = createOptimizer(policy.trainableParameters(), optim);
    for (const record of records) record.advantage = new Float32Array(record.completionIds.length).fill(1);
    const marked = records.map((record, i) => ({ ...record, finish: i % 2 ? ('end' as const) : ('length' as const) }));
    const options = { ...grpoOptions, lr: 0, klBeta: 0, updates: 1 };
    const masked = await policyUpdate(policy, undefined, optimizer, marked, { ...options, maskTruncated: true });
    const kept = await policyUpdate(
      policy,
      undefined,
      optimizer,
      records.filter((_, i) => i % 2 === 1),
      options,
    );
    expect(masked.tokens).toBe(kept.tokens);
    expect(masked.gradientNorm).toBeCloseTo(kept.gradientNorm, 6);
    const none = records.map((record) => ({ ...record, finish: 'length' as const }));
    const idle = await policyUpdate(policy, undefined, optimizer, none, { ...options, maskTruncated: true });
    expect([idle.tokens, idle.gradientNorm]).toEqual([0, 0]);
    optimizer.dispose();
    policy.dispose();
  });
});

describe('the divergence in the reward', () => {
  it('is subtracted from the reward of each sample, summed over its own tokens', async () => {
    const { policy, records } = await sampledRound(1);
    const reference = await createReference(policy);
    // A reference that differs.
    reference.model.base.set(
      'lm_head.weight',
      Float32Array.from({ length: 68 * 16 }, (_, i) => 0.3 * Math.sin(i)),
    );
    const rewards = records.map(({ completionIds }) => new Float32Array(completionIds.length).fill(2));
    const { rewards: totals } = await roundAdvantages(records, rewards, reference, {
      ...grpoOptions,
      klBeta: 0.1,
      kl: { form: 'k1', unbiased: false, place: 'reward' },
      credit: { level: 'sequence', scale: 'group', gamma: 1 },
      maxTokens: 40,
    });
    records.forEach(({ logp, refLogp, forced }, i) => {
      const k1 = Array.from(logp!, (now, t) => (forced[t] ? 0 : now - refLogp![t]!)).reduce((a, b) => a + b, 0);
      expect(totals[i]).toBeCloseTo(2 - 0.1 * k1, 5);
    });
    expect(new Set(Array.from(totals, (value) => value.toFixed(3))).size).toBeGreaterThan(4);
    reference.dispose();
    policy.dispose();
  });
});
