import { type Device, readAll, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Critic } from '../../src/critic/critic.ts';
import { auroc, criticMetrics } from '../../src/critic/critic-metrics.ts';
import { criticUpdate, readCriticUpdates } from '../../src/critic/critic-update.ts';
import type { TraceRecord } from '../../src/record.ts';
import { expertRecord, type MarkChoice } from '../../src/task/create-record.ts';
import { createOptimizer } from '../../src/train/optim-options.ts';
import { optim, tinyPolicy, tinyTask } from '../train/tiny-run.ts';

let device: Device;
let critic: Critic;
beforeAll(async () => {
  device = await openDevice();
  const policy = tinyPolicy(device);
  critic = await Critic.copyOf(policy);
  policy.dispose();
  // A head that is not zero, so that logits differ.
  critic.head.parameters.set(
    'score.weight',
    Float32Array.from({ length: 16 }, (_, i) => Math.sin(i)),
  );
  critic.head.parameters.set('score.bias', Float32Array.of(0.25));
});
afterAll(() => {
  critic.dispose();
  device.close();
});

const task = tinyTask();
const records = (choice: MarkChoice): TraceRecord[] =>
  task.demonstrations.map((demonstration) => expertRecord(task, demonstration, choice));

describe('Critic', () => {
  it('gives the same logits alone, packed with others and in any order', async () => {
    const all = records({ granularity: 'dense' });
    const packed = await critic.markLogits(task, all, 100_000);
    const cut = await critic.markLogits(task, all, 100);
    const reversed = (await critic.markLogits(task, [...all].reverse(), 100_000)).reverse();
    for (const [i, record] of all.entries()) {
      const [alone] = await critic.markLogits(task, [record], 100_000);
      expect(alone?.length).toBe(record.completionIds.length);
      for (const other of [packed[i], cut[i], reversed[i]]) {
        other?.forEach((value, t) => {
          expect(value).toBeCloseTo(alone?.[t] as number, 5);
        });
      }
    }
  });

  it('reads every granularity off the same dense logits (D3, D4)', async () => {
    const dense = await critic.markLogits(task, records({ granularity: 'dense' }), 4096);
    for (const granularity of ['sparse', 'step', 'interval'] as const) {
      const marked = records({ granularity, intervalTokens: 5 });
      (await critic.markLogits(task, marked, 4096)).forEach((logits, i) => {
        const { marks } = marked[i] as TraceRecord;
        expect(logits.length).toBe(marks.length);
        logits.forEach((logit, k) => {
          expect(logit).toBeCloseTo(dense[i]?.[marks[k] as number] as number, 5);
        });
      });
    }
  });

  it('judges a token by what stands before it, not by what comes after', async () => {
    const [whole] = records({ granularity: 'dense' }) as [TraceRecord];
    const changed = whole.completionIds.slice();
    changed[20] = (changed[20] as number) === 3 ? 4 : 3;
    const [a, b] = await critic.markLogits(task, [whole, { ...whole, completionIds: changed }], 4096);
    for (let t = 0; t < 20; t++) expect(b?.[t]).toBeCloseTo(a?.[t] as number, 5);
    expect(Math.abs((b?.[20] as number) - (a?.[20] as number))).toBeGreaterThan(1e-4);
  });

  it('sets a reward for each token, the logit of the next mark, clipped', async () => {
    const scored = records({ granularity: 'step' });
    const logits = await critic.markLogits(task, scored, 4096);
    await critic.score(task, scored, 4096, { temperature: 2, clip: [-0.1, 0.1] });
    scored.forEach(({ critic: rewards, completionIds, marks }, i) => {
      expect(rewards?.length).toBe(completionIds.length);
      completionIds.forEach((_, t) => {
        const mark = marks.findIndex((m) => m >= t);
        const expected = Math.min(0.1, Math.max(-0.1, (logits[i]?.[mark] as number) / 2));
        expect(rewards?.[t]).toBeCloseTo(expected, 5);
      });
    });
  });

  it('starts without an opinion', async () => {
    const policy = tinyPolicy(device);
    const fresh = await Critic.copyOf(policy);
    const [logits] = await fresh.markLogits(task, records({ granularity: 'dense' }).slice(0, 1), 4096);
    expect([...(logits as Float32Array)].every((value) => value === 0)).toBe(true);
    fresh.dispose();
    policy.dispose();
  });
});

describe('criticUpdate', () => {
  it('moves every part of the critic (D14) and lowers its loss', async () => {
    const policy = tinyPolicy(device);
    const fresh = await Critic.copyOf(policy);
    policy.dispose();
    const optimizer = createOptimizer(fresh.parameters(), optim);
    const all = records({ granularity: 'step' });
    const positives = all.slice(0, 3);
    const negatives = all.slice(3).map((record): TraceRecord => {
      return { ...record, completionIds: record.completionIds.slice().reverse(), label: 'negative' };
    });
    const values = async (): Promise<number[][]> =>
      scopeAsync(async () => {
        const sets = fresh.parameters();
        const read = await readAll(sets.flatMap((set) => set.names.map((name) => set.get(name))));
        return read.map((data) => [...data]);
      });
    const losses: number[] = [];
    const before = await values();
    for (let i = 0; i < 12; i++) {
      const update = criticUpdate(
        fresh,
        optimizer,
        task,
        { positives, negatives },
        { lr: 1e-2, labelSmoothing: 0.1, microBatchTokens: 4096 },
      );
      const [result] = await readCriticUpdates([update]);
      losses.push(result?.loss as number);
      const row = criticMetrics(result as NonNullable<typeof result>, 0.1);
      // The loss on the device is the mean of the two that the log computes from the logits.
      expect(((row['disc/loss_expert'] as number) + (row['disc/loss_policy'] as number)) / 2).toBeCloseTo(
        row['disc/loss'] as number,
        5,
      );
    }
    expect(losses[0]).toBeCloseTo(Math.LN2, 5);
    expect(losses.at(-1)).toBeLessThan(0.5);
    const after = await values();
    // The output matrix plays no part in a critic; all else has moved.
    const names = fresh.parameters().flatMap((set) => set.names);
    names.forEach((name, i) => {
      const moved = before[i]?.some((value, j) => value !== after[i]?.[j]);
      if (name !== 'lm_head.weight') expect([name, moved]).toEqual([name, true]);
    });
    optimizer.dispose();
    fresh.dispose();
  });
});

describe('the mask of the loss', () => {
  it('D2: has every token of a completion, the first included', async () => {
    const dense = records({ granularity: 'dense' });
    const first = dense.map((record): TraceRecord => {
      const segments = record.segments.slice(0, 1);
      return { ...record, completionIds: record.completionIds.slice(0, 1), marks: record.marks.slice(0, 1), segments };
    });
    const optimizer = createOptimizer(critic.parameters(), { ...optim, weightDecay: 0 });
    const updates = [dense, first].map((all) =>
      criticUpdate(
        critic,
        optimizer,
        task,
        { positives: all.slice(0, 3), negatives: all.slice(3) },
        { lr: 0, labelSmoothing: 0.1, microBatchTokens: 4096 },
      ),
    );
    const [whole, alone] = await readCriticUpdates(updates);
    const tokens = dense.slice(0, 3).reduce((sum, { completionIds }) => sum + completionIds.length, 0);
    expect(whole?.positiveLogits.length).toBe(tokens);
    // Completions of their first token alone have a loss and a gradient, and their logits are those of the whole.
    expect(alone?.gradientNorm).toBeGreaterThan(1e-3);
    let start = 0;
    dense.slice(0, 3).forEach(({ completionIds }, i) => {
      expect(alone?.positiveLogits[i]).toBeCloseTo(whole?.positiveLogits[start] as number, 5);
      start += completionIds.length;
    });
    optimizer.dispose();
  });
});

describe('criticMetrics', () => {
  const result = (positiveLogits: number[], negativeLogits: number[]) => ({
    lr: 1e-3,
    loss: 0.5,
    gradientNorm: 1,
    nonFinite: 0,
    positiveLogits,
    negativeLogits,
  });

  it('has the values of a hand-made case', () => {
    const row = criticMetrics(result([2], [-1, 1]), 0.1);
    expect(row['disc/loss_expert']).toBeCloseTo(0.32693, 5);
    expect(row['disc/loss_policy']).toBeCloseTo((0.41326 + 1.21326) / 2, 5);
    expect([row['disc/acc_expert'], row['disc/acc_policy'], row['disc/acc']]).toEqual([1, 0.5, 0.75]);
    expect(row['disc/logit_policy']).toBe(0);
  });

  it('counts a critic without an opinion as right on neither class, of full entropy, and calibrated', () => {
    const row = criticMetrics(result([0, 0], [0, 0]), 0.1);
    expect(row['disc/acc']).toBe(0);
    expect(row['disc/entropy']).toBeCloseTo(Math.LN2, 9);
    expect(row['disc/calibration_ece']).toBeCloseTo(0, 9);
  });
});

describe('auroc', () => {
  it('counts pairs, ties half', () => {
    expect(auroc([0.95, 0.85, 0.15, 0.35], [true, false, false, true])).toBe(0.75);
    expect(auroc([1, 1, 1], [true, false, false])).toBe(0.5);
    expect(auroc([1, 2, 3], [false, false, true])).toBe(1);
    expect(auroc([1, 2], [true, true])).toBeUndefined();
  });
});
