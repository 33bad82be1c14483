import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DecoderModel } from '@dawngrad/models';
import { type Device, read } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { directoryCheckpoints } from '../../src/checkpoint/directory-checkpoints.ts';
import type { MetricRow } from '../../src/metrics/names.ts';
import { inverseRulesTokenizer } from '../../src/task/inverse-rules/tokenizer.ts';
import { Health, type ObservedStep, type OnSpike } from '../../src/train/health.ts';
import { trainSft } from '../../src/train/sft.ts';
import { SpikeWindow } from '../../src/train/spike-window.ts';
import { optim, recordRun, series, sftOptions, tinyPolicy, tinyTask } from './tiny-run.ts';

/** A learning rate that does not depend on how long the run is. */
const constant = { ...optim, schedule: 'constant', warmupRatio: 0 } as const;

/** Values that go up and down by 0.1 about 1. */
const level = (count: number): number[] => Array.from({ length: count }, (_, i) => 1 + (i % 2 === 0 ? 0.1 : -0.1));
const step = (gradientNorm: number, more: Partial<ObservedStep> = {}): ObservedStep => {
  return { loss: 1, gradientNorm, nonFinite: 0, ...more };
};

describe('SpikeWindow', () => {
  it('has a limit from 32 values on: the mean and 6 standard deviations of the last 128', () => {
    const window = new SpikeWindow();
    for (const value of level(31)) window.push(value);
    expect(window.limit).toBeUndefined();
    expect(window.z(1e9)).toBeUndefined();
    window.push(0.9);
    // Of 32 values at a distance of 0.1, with 31 in the denominator.
    const std = 0.1 * Math.sqrt(32 / 31);
    expect(window.limit).toBeCloseTo(1 + 6 * std, 12);
    expect(window.z(1.5)).toBeCloseTo(0.5 / std, 12);
    for (const value of level(200).map((one) => one + 1)) window.push(value);
    expect(window.values).toHaveLength(128);
    expect(window.limit).toBeCloseTo(2 + 6 * 0.1 * Math.sqrt(128 / 127), 12);
  });

  it('does not take the least change of equal values for a spike', () => {
    const window = new SpikeWindow(Array.from({ length: 40 }, () => 2));
    expect(window.limit).toBeCloseTo(2 * 1.06, 12);
  });
});

describe('Health', () => {
  const notes: string[] = [];
  const reporter = { step: () => undefined, note: (text: string) => void notes.push(text) };
  const watched = (onSpike: OnSpike, norms: readonly number[]): Health => {
    notes.length = 0;
    const health = new Health(reporter, onSpike);
    norms.forEach((norm, i) => {
      health.observe(i + 1, { policy: [step(norm)] });
    });
    return health;
  };

  it('notes a spike and goes on; one that was taken belongs to what later ones are compared with', () => {
    const health = watched('note', level(40));
    health.observe(41, { policy: [step(5)] });
    expect(notes).toEqual([
      expect.stringMatching(
        /^note: step 41: the policy's gradient norm 5 is 39\.\d standard deviations above the mean of the last 40 steps; the step is taken; further ones are counted in health\/spikes$/,
      ),
    ]);
    expect(health.row()).toEqual({ 'health/skipped': 0, 'health/spikes': 1, 'health/rollbacks': 0 });
    expect(health.state().windows.policy.gradientNorm).toHaveLength(41);
    expect(health.trouble).toBeUndefined();
  });

  it('watches the loss as well, the critic beside the policy, and says no more than five times', () => {
    const health = watched('skip', level(40));
    health.observe(41, { policy: [step(1, { loss: 50 })], critic: [step(1e9)] });
    expect(notes).toEqual([expect.stringContaining("the policy's loss 50 is")]);
    for (let i = 0; i < 9; i++) health.observe(42 + i, { policy: [step(10 ** (3 + 2 * i))] });
    expect(health.row()['health/spikes']).toBe(10);
    expect(notes).toHaveLength(5);
    expect(notes[4]).toContain('further ones are counted in health/spikes');
  });

  it('compares nothing with steps that had nothing to learn from, and lets no NaN in', () => {
    const health = watched(
      'note',
      Array.from({ length: 100 }, () => 0),
    );
    health.observe(101, { policy: [step(1)] });
    health.observe(102, { policy: [step(Number.NaN, { loss: Number.NaN, nonFinite: 3 })] });
    expect(notes).toEqual([]);
    const { windows, skipped } = health.state();
    expect(windows.policy.gradientNorm).toEqual([1]);
    expect(windows.policy.loss.every(Number.isFinite)).toBe(true);
    expect(skipped).toBe(1);
  });

  it('ends the run at a spike where asked to, with what was seen', () => {
    const health = watched('stop', level(40));
    expect(() => health.stopAtSpike(40)).not.toThrow();
    health.observe(41, { policy: [step(9)] });
    expect(() => health.stopAtSpike(41)).toThrow(/step 41.*gradient norm 9 is .* above the mean/);
  });

  it('is in trouble after five skipped steps in a row, or ten of the last thousand', () => {
    const bad = (health: Health, at: number): void => health.observe(at, { policy: [step(0, { nonFinite: 1 })] });
    const inRow = watched('note', []);
    for (let i = 1; i < 5; i++) bad(inRow, i);
    expect(inRow.trouble).toBeUndefined();
    bad(inRow, 5);
    expect(inRow.trouble).toBe('5 steps in a row that were skipped');
    const apart = watched('note', []);
    for (let i = 1; i <= 9; i++) {
      bad(apart, 100 * i);
      apart.observe(100 * i + 1, { policy: [step(1)] });
    }
    expect(apart.trouble).toBeUndefined();
    bad(apart, 1050);
    expect(apart.trouble).toBe('10 of the last 1000 steps that were skipped');
  });

  it('goes on from its state as if it had never stopped', () => {
    const health = watched('note', level(64));
    const again = new Health(reporter, 'note');
    again.restore(JSON.parse(JSON.stringify(health.state())));
    for (const one of [health, again]) one.observe(65, { policy: [step(1.02), step(3)], critic: [step(2)] });
    expect(again.state()).toEqual(health.state());
  });
});

describe('a run', () => {
  let device: Device;
  beforeAll(async () => {
    device = await openDevice();
  });
  afterAll(() => device.close());

  /** Trains with SFT and disturbs the weights after the steps given; returns rows, notes and the checkpoints' folder. */
  async function train(
    options: {
      readonly maxSteps: number;
      readonly onSpike?: OnSpike;
      readonly everySteps?: number;
      readonly lr?: number;
    },
    disturb: (policy: DecoderModel, step: number) => void | Promise<void>,
  ) {
    const folder = mkdtempSync(join(tmpdir(), 'dawngrad-health-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const rows: MetricRow[] = [];
    const { everySteps = 1000, onSpike, lr = 1e-3, maxSteps } = options;
    const files = {
      offsets: () => ({ metrics: rows.length, samples: 0 }),
      truncate: ({ metrics }: { metrics: number }) => {
        rows.length = metrics;
      },
    };
    const checkpoints = directoryCheckpoints({
      folder,
      keep: 1,
      everySteps,
      sideFiles: inverseRulesTokenizer(),
      resume: false,
      files,
    });
    const recorded = recordRun(checkpoints);
    const policy = tinyPolicy(device);
    const context = {
      ...recorded.context,
      ...(onSpike === undefined ? {} : { onSpike }),
      metrics: (row: MetricRow) => {
        rows.push(row);
        disturb(policy, row.step!);
      },
    };
    try {
      const result = await trainSft(
        policy,
        tinyTask(),
        { ...sftOptions, optim: constant, rowsPerStep: 2, maxSteps, lr },
        context,
      );
      const weights = await read(policy.base.arenas[0]!.values);
      return { result, rows, notes: recorded.notes, folder, weights };
    } finally {
      policy.dispose();
    }
  }

  const healthOf = (folder: string) => {
    const [name] = readdirSync(folder).filter((one) => one.startsWith('step-'));
    return JSON.parse(readFileSync(join(folder, name!, 'training', 'state.json'), 'utf8')).parts.health;
  };

  it('goes back to its last checkpoint after five skipped steps, and on with the data after them', async () => {
    const ruined: number[] = [];
    const { result, rows, notes, folder } = await train({ maxSteps: 14, everySteps: 6 }, (policy, at) => {
      if (at !== 7 || ruined.length > 0) return;
      ruined.push(at);
      policy.base.set('model.norm.weight', new Float32Array(16).fill(Number.NaN));
    });
    expect(result).toEqual({ status: 'finished', step: 14 });
    // Steps 8 to 12 were skipped: back from 12 to 6, six steps of data left out.
    expect(notes.filter((text) => text.includes('back to step'))).toEqual([
      'warning: 5 steps in a row that were skipped by step 12: back to step 6, and on with the data after step 12 (time 1 of 3)',
    ]);
    expect(series(rows, 'step')).toEqual(Array.from({ length: 14 }, (_, i) => i + 1));
    expect(series(rows, 'loss').every(Number.isFinite)).toBe(true);
    expect(rows.at(-1)).toMatchObject({ 'health/rollbacks': 1, 'health/skipped': 0 });
    expect(healthOf(folder)).toMatchObject({ rollbacks: 1, shift: 6, skippedInRow: 0 });
  });

  it('ends after it went back three times, and where there is nothing to go back to', async () => {
    const ruin = (policy: DecoderModel): void => {
      policy.base.set('model.norm.weight', new Float32Array(16).fill(Number.NaN));
    };
    await expect(train({ maxSteps: 9 }, ruin)).rejects.toThrow(
      /step 6: .*5 steps in a row.*no checkpoint to go back to/,
    );
    const again = train({ maxSteps: 14, everySteps: 6 }, (policy, at) => (at === 7 ? ruin(policy) : undefined));
    await expect(again).rejects.toThrow(/step 12: .*went back 3 times already/);
  });

  it('leaves a step out whose gradient norm is a spike, where asked to, and changes nothing by that', async () => {
    const at = 36;
    const disturb = (scale: number) => (policy: DecoderModel, step: number) => {
      if (step === at) policy.base.set('model.norm.weight', new Float32Array(16).fill(scale));
    };
    const maxSteps = at + 1;
    const skipped = await train({ maxSteps, onSpike: 'skip', lr: 1e-5 }, disturb(300));
    expect(skipped.rows.at(-1)).toMatchObject({ 'health/skipped': 1, 'health/spikes': 1, 'health/nonfinite': 0 });
    expect(skipped.notes).toContainEqual(
      expect.stringMatching(/step 37: the policy's gradient norm .* the step is skipped$/),
    );
    // The weights are those of a run that ends before that step, the disturbed ones aside.
    const before = (await train({ maxSteps: at, lr: 1e-5, onSpike: 'skip' }, disturb(300))).weights;
    expect(skipped.weights).toEqual(before);
    const taken = await train({ maxSteps, lr: 1e-5 }, disturb(300));
    expect(taken.rows.at(-1)).toMatchObject({ 'health/skipped': 0, 'health/spikes': 1 });
    expect(taken.weights).not.toEqual(before);
    await expect(train({ maxSteps, onSpike: 'stop', lr: 1e-5 }, disturb(300))).rejects.toThrow(
      /step 37: expected numbers like/,
    );
  });
});
