import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { schedule } from '../../src/optim/schedule.ts';

const values = (run: (step: number) => number, steps: readonly number[]): number[] =>
  steps.map((step) => Math.round(run(step) * 1e6) / 1e6);

describe('schedule', () => {
  it('rises linearly so that the first step moves and the last of the warm-up has the peak', () => {
    for (const kind of ['constant', 'linear', 'cosine'] as const)
      expect(values(schedule({ kind, warmup: 4, total: 20, floor: 0.1 }), [0, 1, 2, 3, 4])).toEqual([
        0.25, 0.5, 0.75, 1, 1,
      ]);
  });

  it('stays at the peak when constant', () => {
    expect(values(schedule({ kind: 'constant', warmup: 0, total: 10, floor: 0 }), [0, 5, 10, 1000])).toEqual([
      1, 1, 1, 1,
    ]);
  });

  it('falls linearly to the floor', () => {
    const run = schedule({ kind: 'linear', warmup: 2, total: 10, floor: 0.2 });
    expect(values(run, [2, 4, 6, 8, 10, 11, 1e9])).toEqual([1, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2]);
  });

  it('falls along half a cosine to the floor', () => {
    const run = schedule({ kind: 'cosine', warmup: 0, total: 8, floor: 0 });
    expect(values(run, [0, 2, 4, 6, 8, 9])).toEqual([1, 0.853553, 0.5, 0.146447, 0, 0]);
    expect(values(schedule({ kind: 'cosine', warmup: 0, total: 8, floor: 0.1 }), [4, 8])).toEqual([0.55, 0.1]);
  });

  it('is the floor at once where nothing is left after the warm-up', () => {
    expect(values(schedule({ kind: 'linear', warmup: 3, total: 3, floor: 0.5 }), [2, 3, 4])).toEqual([1, 1, 0.5]);
  });

  it('refuses steps that are no counts and a floor that is no share', () => {
    const options = { kind: 'cosine', warmup: 1, total: 10, floor: 0 } as const;
    for (const wrong of [{ warmup: -1 }, { warmup: 0.5 }, { total: Number.NaN }, { floor: 1.5 }, { floor: -0.1 }])
      expect(() => schedule({ ...options, ...wrong })).toThrowError(/^schedule: expected .*, got/);
  });

  it('never leaves [min(floor, 1 / warmup), 1] and never rises after the warm-up', () => {
    fc.assert(
      fc.property(
        fc.constantFrom('constant' as const, 'linear' as const, 'cosine' as const),
        fc.nat(50),
        fc.nat(100),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (kind, warmup, rest, floor) => {
          const run = schedule({ kind, warmup, total: warmup + rest, floor });
          let previous = 1;
          for (let step = 0; step < warmup + rest + 5; step++) {
            const value = run(step);
            expect(value).toBeLessThanOrEqual(1);
            expect(value).toBeGreaterThanOrEqual(step < warmup ? 1 / warmup : floor - 1e-12);
            if (step >= warmup) expect(value).toBeLessThanOrEqual(previous + 1e-12);
            previous = step >= warmup ? value : 1;
          }
        },
      ),
      { numRuns: 50, seed: 3 },
    );
  });
});
