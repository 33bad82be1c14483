import { describe, expect, it } from 'vitest';
import { estimateMean, estimateStatistic, pairedDifference } from '../../src/stats/estimate.ts';
import { drawResamples } from '../../src/stats/resample.ts';

describe('the mean over prompts', () => {
  it('has an interval as wide as the normal approximation says', () => {
    const n = 400;
    const values = Array.from({ length: n }, (_, i) => (i % 5) / 4);
    const got = estimateMean(values, drawResamples(n, 4000));
    // Values 0, .25, .5, .75, 1: mean .5, standard deviation .35355.
    const half = (1.96 * Math.sqrt(0.125)) / Math.sqrt(n);
    expect(got.value).toBe(0.5);
    expect(got.method).toBe('bootstrap');
    expect((got.high - got.low) / 2 / half).toBeGreaterThan(0.93);
    expect((got.high - got.low) / 2 / half).toBeLessThan(1.07);
  });

  it('does not claim certainty when every prompt fails or every prompt succeeds', () => {
    const resamples = drawResamples(16);
    const none = estimateMean(new Array<number>(16).fill(0), resamples);
    const all = estimateMean(new Array<number>(16).fill(1), resamples);
    expect(none).toMatchObject({ value: 0, low: 0, n: 16, method: 'wilson' });
    expect(none.high).toBeCloseTo(0.1936, 4);
    expect(all.low).toBeCloseTo(0.8064, 4);
  });
});

describe('a statistic of prompt weights', () => {
  it('prints the estimate, not the mean of the resamples (D25)', () => {
    const square = (weights: ArrayLike<number>): number => (weights[0]! / 4) ** 2;
    expect(estimateStatistic(square, drawResamples(4))?.value).toBe(1 / 16);
  });

  it('is null where it is undefined', () => {
    expect(estimateStatistic(() => Number.NaN, drawResamples(4))).toBeNull();
  });
});

describe('a paired difference', () => {
  const ids = Array.from({ length: 100 }, (_, i) => `p${i}`);
  const hard = new Map(ids.map((id, i) => [id, (i % 10) / 10]));

  it('is narrower than the two means, since what makes a prompt hard cancels', () => {
    const resamples = drawResamples(100);
    const better = new Map(ids.map((id, i) => [id, hard.get(id)! + (i % 4 === 0 ? 0.1 : 0)]));
    const difference = pairedDifference(better, hard, resamples);
    const mean = estimateMean([...hard.values()], resamples);
    expect(difference.value).toBeCloseTo(0.025, 12);
    expect(difference.low).toBeGreaterThan(0);
    expect(difference.high - difference.low).toBeLessThan((mean.high - mean.low) / 4);
  });

  it('joins by id, whatever the order', () => {
    const resamples = drawResamples(100);
    const reversed = new Map([...hard].reverse());
    const halved = new Map(ids.map((id) => [id, hard.get(id)! / 2]));
    expect(pairedDifference(reversed, halved, resamples)).toEqual(pairedDifference(hard, halved, resamples));
  });

  it('leaves room when no prompt differs', () => {
    const same = pairedDifference(hard, hard, drawResamples(100));
    expect(same.value).toBe(0);
    expect(same.high).toBeCloseTo(0.037, 3);
    expect(same.low).toBe(-same.high);
  });

  it('refuses different prompts', () => {
    const other = new Map(hard).set('extra', 1);
    expect(() => pairedDifference(other, hard, drawResamples(101))).toThrow('prompt extra on one side only');
  });
});
