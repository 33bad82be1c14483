import { describe, expect, it } from 'vitest';
import { logGamma, studentCritical, studentP, tInterval } from '../../src/stats/student.ts';

// Values of SciPy 1.17.1: special.gammaln, stats.t.sf, stats.t.ppf, stats.t.interval.
describe("Student's t", () => {
  it.each([
    [0.5, 0.5723649429247],
    [1, 0],
    [7.25, 7.0521854507385395],
    [1320, 8162.037168722876],
  ])('rests on ln Gamma(%d)', (x, want) => {
    expect(logGamma(x)).toBeCloseTo(want, 9);
  });

  it.each([
    [0.5, 1, 0.7048327646991335],
    [2.2, 3.7, 0.09815039439052221],
    [12.3, 9, 6.237588773805279e-7],
    [0.01, 200, 0.992031255153281],
    [-40, 2.5, 0.0001419563429049338],
  ])('has the two-sided p of t = %d at %d degrees of freedom', (t, df, want) => {
    expect(studentP(t, df) / want).toBeCloseTo(1, 9);
  });

  it.each([
    [1, 12.706204736174694],
    [2, 4.302652729749462],
    [30, 2.0422724563012378],
  ])('has its 95 %% bounds at %d degrees of freedom', (df, want) => {
    expect(studentCritical(0.05, df)).toBeCloseTo(want, 8);
  });

  it('gives the interval of a mean, and none of a single value', () => {
    const got = tInterval([0.5, 0.6, 0.55])!;
    expect(got.value).toBeCloseTo(0.55, 12);
    expect(got.low).toBeCloseTo(0.4257931144124836, 9);
    expect(got.high).toBeCloseTo(0.6742068855875165, 9);
    expect(tInterval([0.5])).toBeNull();
  });
});
