import { describe, expect, it } from 'vitest';
import type { Phase } from '../../src/metrics/phase.ts';
import { PhaseClock } from '../../src/train/phase-clock.ts';

/** A clock that moves only when told to, and what the reporter heard. */
function start() {
  const time = { ms: 0 };
  const heard: [Phase, ...(number | undefined)[]][] = [];
  const clock = new PhaseClock({
    nowMs: () => time.ms,
    reporter: {
      step: () => undefined,
      note: () => undefined,
      phase: (...told) => heard.push(told),
    },
  });
  const spend = (phase: Phase, ms: number): void => {
    clock.begin(phase);
    time.ms += ms;
  };
  return { clock, time, heard, spend };
}

describe('PhaseClock', () => {
  it('gives times that add up to the step, shares that add up to 1 and a rate of each phase', () => {
    const { clock, time, spend } = start();
    spend('save', 1000);
    spend('rollout', 6000);
    clock.count('rollout', 300);
    spend('critic', 1000);
    spend('reward', 500);
    spend('update', 500);
    clock.count('update', 300);
    clock.end();
    time.ms += 12_345;
    spend('eval', 1000);
    clock.count('eval', 50);
    expect(clock.row()).toEqual({
      step_time: 8,
      'time/rollout': 6,
      'time/rollout_share': 0.6,
      'perf/rollout_tokens_per_second': 50,
      'time/critic': 1,
      'time/critic_share': 0.1,
      'time/reward': 0.5,
      'time/reward_share': 0.05,
      'time/update': 0.5,
      'time/update_share': 0.05,
      'perf/update_tokens_per_second': 600,
      'time/eval': 1,
      'time/eval_share': 0.1,
      'perf/eval_tokens_per_second': 50,
      'time/save': 1,
      'time/save_share': 0.1,
    });
  });

  it('starts anew with each row, and an evaluation alone is no step', async () => {
    const { clock, time, spend } = start();
    spend('update', 2000);
    expect(clock.row()).toEqual({ step_time: 2, 'time/update': 2, 'time/update_share': 1 });
    await clock.during('eval', async () => {
      time.ms += 500;
    });
    expect(clock.row()).toEqual({ 'time/eval': 0.5, 'time/eval_share': 1 });
    expect(clock.row()).toEqual({});
  });

  it('tells each phase as it begins and how much of it is done, also where it fails', async () => {
    const { clock, time, heard } = start();
    clock.begin('rollout');
    clock.onProgress(3, 8, 120);
    const failing = clock.during('save', async () => {
      time.ms += 250;
      throw new Error('disk full');
    });
    await expect(failing).rejects.toThrow('disk full');
    // Nothing is open: there is nothing to tell of.
    clock.onProgress(4, 8, 130);
    expect(heard).toEqual([
      ['rollout', 0, 0],
      ['rollout', 3, 8, 120],
      ['save', 0, 0],
    ]);
    expect(clock.seconds('save')).toBe(0.25);
  });
});
