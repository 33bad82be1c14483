import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { effectiveCorrect, passAtK, rewardWeightedPassAtK, softmaxMass } from '../../src/metrics/pass-at-k.ts';

/** Counts the k-subsets of n samples that hold one of the first m. */
function byEnumeration(n: number, m: number, k: number): number {
  let hits = 0;
  let all = 0;
  for (let subset = 0; subset < 2 ** n; subset++) {
    const members = Array.from({ length: n }, (_, i) => i).filter((i) => (subset >> i) & 1);
    if (members.length !== k) continue;
    all++;
    if (members.some((i) => i < m)) hits++;
  }
  return hits / all;
}

describe('pass@k', () => {
  it('has the values of T17', () => {
    const values = [1, 3, 5, 10].map((k) => passAtK(16, 4, k));
    for (const [i, want] of [0.25, 0.60714, 0.81868, 0.99176].entries()) expect(values[i]).toBeCloseTo(want, 5);
  });

  it('equals the count over all subsets', () => {
    for (let n = 1; n <= 7; n++) {
      for (let m = 0; m <= n; m++) {
        for (let k = 1; k <= n; k++) expect(passAtK(n, m, k)).toBeCloseTo(byEnumeration(n, m, k), 12);
      }
    }
  });

  it('is 0 without a correct sample or with too few samples', () => {
    expect([passAtK(8, 0, 3), passAtK(2, 2, 3)]).toEqual([0, 0]);
  });
});

describe('reward-weighted pass@k', () => {
  it('has the values of T18', () => {
    expect(effectiveCorrect([1, 1], [true, false])).toBeCloseTo(1, 12);
    expect(rewardWeightedPassAtK([1, 1], [true, false], 1)).toBeCloseTo(0.5, 12);
  });

  it('has the values of T19', () => {
    const correct = [true, false, false, false];
    expect(effectiveCorrect([2, 0, 0, 0], correct)).toBeCloseTo(2.84494, 5);
    expect(rewardWeightedPassAtK([2, 0, 0, 0], correct, 1)).toBeCloseTo(0.71123, 5);
    expect(rewardWeightedPassAtK([2, 0, 0, 0], correct, 2)).toBeCloseTo(0.98507, 5);
  });

  it('gives a non-finite score no mass, and none at all when no score is finite', () => {
    expect(softmaxMass([Number.NaN, 3, 3])).toEqual([0, 0.5, 0.5]);
    expect(softmaxMass([Number.NaN, Number.POSITIVE_INFINITY])).toEqual([0, 0]);
  });

  const samples = fc.array(fc.tuple(fc.double({ min: -30, max: 30, noNaN: true }), fc.boolean()), {
    minLength: 1,
    maxLength: 12,
  });

  it('equals pass@k when all scores are equal', () => {
    fc.assert(
      fc.property(
        fc.array(fc.boolean(), { minLength: 1, maxLength: 12 }),
        fc.integer({ min: 1, max: 12 }),
        (correct, k) => {
          const m = correct.filter(Boolean).length;
          const weighted = rewardWeightedPassAtK(
            correct.map(() => 0.3),
            correct,
            k,
          );
          expect(weighted).toBeCloseTo(passAtK(correct.length, m, k), 9);
        },
      ),
    );
  });

  it('lies in [0, 1] and never falls as k grows', () => {
    fc.assert(
      fc.property(samples, (drawn) => {
        const scores = drawn.map(([score]) => score);
        const correct = drawn.map(([, right]) => right);
        let before = 0;
        for (let k = 1; k <= drawn.length; k++) {
          const value = rewardWeightedPassAtK(scores, correct, k);
          expect(value).toBeGreaterThanOrEqual(before - 1e-12);
          expect(value).toBeLessThanOrEqual(1);
          before = value;
        }
      }),
    );
  });
});
