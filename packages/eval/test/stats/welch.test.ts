import { describe, expect, it } from 'vitest';
import { welchTest } from '../../src/stats/welch.ts';

const A = [1.2, 0.4, -0.3, 2.2, 0.9, 1.7];

describe("Welch's test", () => {
  // stats.ttest_ind(equal_var=False) of SciPy 1.17.1.
  it('has the values of SciPy', () => {
    const got = welchTest(A, [0.1, -1.2, 0.5, -0.4])!;
    expect(got.t).toBeCloseTo(2.4447538101111492, 10);
    expect(got.df).toBeCloseTo(7.5015511881818755, 10);
    expect(got.p).toBeCloseTo(0.04219982989343148, 10);
    const constant = welchTest(A, [0.5, 0.5, 0.5])!;
    expect([constant.df, constant.p]).toEqual([expect.closeTo(5, 10), expect.closeTo(0.21761572280246222, 10)]);
  });

  it('says nothing of one value, or of two constants', () => {
    expect(welchTest([1], A)).toBeNull();
    expect(welchTest([1, 1], [2, 2])).toBeNull();
  });
});
