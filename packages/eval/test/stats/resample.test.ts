import { describe, expect, it } from 'vitest';
import { drawResamples, percentileInterval } from '../../src/stats/resample.ts';

describe('bootstrap resamples', () => {
  it('draw each time as many clusters as there are', () => {
    const { weights, clusters, count } = drawResamples(7, 50);
    for (let r = 0; r < count; r++) {
      expect(weights.subarray(r * clusters, (r + 1) * clusters).reduce((a, b) => a + b, 0)).toBe(clusters);
    }
  });

  it('depend on the seed alone', () => {
    expect(drawResamples(20, 10, 1)).toEqual(drawResamples(20, 10, 1));
    expect(drawResamples(20, 10, 1).weights).not.toEqual(drawResamples(20, 10, 2).weights);
  });

  it('draw every cluster equally often', () => {
    const { weights } = drawResamples(10, 2000);
    const totals = Array.from({ length: 10 }, (_, c) =>
      weights.filter((__, i) => i % 10 === c).reduce((a, b) => a + b, 0),
    );
    // 20,000 draws of probability 1/10: standard deviation 42, six of them.
    for (const total of totals) expect(Math.abs(total - 2000)).toBeLessThan(255);
  });

  it('interpolate percentiles between order statistics as NumPy does', () => {
    let call = 0;
    // numpy.percentile([0, 1, 2, 3, 4], [2.5, 97.5]) = [0.1, 3.9]
    expect(percentileInterval(drawResamples(1, 5), () => call++)).toEqual({ low: 0.1, high: 3.9 });
  });

  it('leave out resamples where the statistic is undefined', () => {
    let call = 0;
    const interval = percentileInterval(drawResamples(1, 10), () => (call++ % 2 === 0 ? Number.NaN : 3));
    expect(interval).toEqual({ low: 3, high: 3 });
    expect(percentileInterval(drawResamples(1, 4), () => Number.NaN).low).toBeNaN();
  });
});
