import { describe, expect, it } from 'vitest';
import { RunEta } from '../../src/ui/run-eta.ts';

const WARM_UP = { stage: 'critic warm-up', done: 0, total: 10 };
const ROUNDS = { stage: 'irl', done: 0, total: 100, evalEvery: 10, saveEvery: 25 };

describe('RunEta', () => {
  it('is that of the stage at hand and more, until the last stage has shown what its steps take', () => {
    const eta = new RunEta([WARM_UP, ROUNDS]);
    eta.step('critic warm-up', 1, 60_000);
    expect(eta.left()).toBeUndefined();
    eta.step('critic warm-up', 2, 62_000);
    expect(eta.left()).toEqual({ seconds: 16, isAtLeast: true });
    eta.step('irl', 1, 90_000);
    expect(eta.left()).toBeUndefined();
    eta.step('irl', 2, 95_000);
    expect(eta.left()).toEqual({ seconds: 98 * 5, isAtLeast: false });
  });

  it('counts the evaluations and the saves that are still to come, for themselves', () => {
    const eta = new RunEta([ROUNDS]);
    eta.begin('eval', 0);
    eta.begin('rollout', 3000);
    eta.step('irl', 1, 5000);
    eta.begin('save', 5000);
    eta.begin('rollout', 5500);
    eta.begin('update', 6000);
    // Half a second of the 2.5 since the step before was a save.
    eta.step('irl', 2, 7500);
    // 98 steps, evaluations after 10, 20, ... 100 and saves after 25, 50, 75, 100.
    expect(eta.left()!.seconds).toBeCloseTo(98 * 2 + 10 * 3 + 4 * 0.5, 9);
    const late = new RunEta([{ ...ROUNDS, done: 95, total: 99 }]);
    late.begin('eval', 0);
    late.step('irl', 96, 1000);
    late.step('irl', 97, 2000);
    // The last step is evaluated as well, though 99 is no multiple of 10.
    expect(late.left()!.seconds).toBeCloseTo(2 + 1, 9);
  });

  it('is not moved by one slow step, and follows steps that grow slower', () => {
    const eta = new RunEta([{ stage: 'grpo', done: 0, total: 1000 }]);
    let atMs = 60_000;
    const step = (done: number, ms: number): void => {
      atMs += ms;
      eta.step('grpo', done, atMs);
    };
    // The first compiles kernels.
    step(1, 30_000);
    for (let done = 2; done <= 10; done++) step(done, done === 5 ? 20_000 : 1000);
    expect(eta.left()!.seconds).toBe(990);
    for (let done = 11; done <= 100; done++) step(done, 2000);
    expect(eta.left()!.seconds).toBe(900 * 2);
  });

  it('goes on with the stage where an earlier start stopped', () => {
    const eta = new RunEta([
      { ...WARM_UP, done: 10 },
      { ...ROUNDS, done: 40 },
    ]);
    expect(eta.stage).toMatchObject({ stage: 'irl', done: 40 });
    expect(eta.has('critic warm-up')).toBe(false);
    eta.step('irl', 41, 1000);
    eta.step('irl', 43, 7000);
    expect(eta.left()).toEqual({ seconds: 57 * 3, isAtLeast: false });
  });
});
