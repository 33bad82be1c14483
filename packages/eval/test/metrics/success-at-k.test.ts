import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { passAtK } from '../../src/metrics/pass-at-k.ts';
import { oracle, successAtK } from '../../src/metrics/success-at-k.ts';

const drawn = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.boolean()), { minLength: 1, maxLength: 7 });

function permutations(items: readonly number[]): number[][] {
  if (items.length <= 1) return [[...items]];
  return items.flatMap((item, i) => permutations(items.filter((_, j) => j !== i)).map((rest) => [item, ...rest]));
}

describe('success@k', () => {
  it('averages over every order that the ties allow (D23)', () => {
    fc.assert(
      fc.property(drawn, fc.integer({ min: 1, max: 7 }), (samples, k) => {
        const orders = permutations(samples.map((_, i) => i)).filter((order) =>
          order.every((item, i) => i === 0 || samples[order[i - 1]!]![0] >= samples[item]![0]),
        );
        const hits = orders.filter((order) => order.slice(0, k).some((item) => samples[item]![1])).length;
        const got = successAtK(
          samples.map(([score]) => score),
          samples.map(([, correct]) => correct),
          k,
        );
        expect(got).toBeCloseTo(hits / orders.length, 9);
      }),
      { numRuns: 60 },
    );
  });

  it('is pass@k when all scores are equal', () => {
    const correct = [true, false, false, true, false];
    for (let k = 1; k <= 5; k++) expect(successAtK([1, 1, 1, 1, 1], correct, k)).toBeCloseTo(passAtK(5, 2, k), 12);
  });

  it('ranks a non-finite score last, so an unscored sample cannot win (D29)', () => {
    expect(successAtK([Number.NaN, -9], [true, false], 1)).toBe(0);
    expect(successAtK([Number.POSITIVE_INFINITY, -9], [true, false], 1)).toBe(0);
    expect(successAtK([Number.NaN, -9], [true, false], 2)).toBe(1);
  });

  it('never beats the oracle, and reaches it with all samples', () => {
    fc.assert(
      fc.property(drawn, (samples) => {
        const scores = samples.map(([score]) => score);
        const correct = samples.map(([, right]) => right);
        expect(successAtK(scores, correct, 1)).toBeLessThanOrEqual(oracle(correct));
        expect(successAtK(scores, correct, samples.length)).toBe(oracle(correct));
      }),
    );
  });
});
