import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { quantile, summarise } from '../src/statistics.ts';

describe('quantile', () => {
  test('between two samples it is interpolated', () => {
    expect(quantile([10, 20], 0.25)).toBe(12.5);
    expect(quantile([1, 2, 3, 4, 5], 0.9)).toBeCloseTo(4.6, 12);
  });

  test('of one sample is that sample', () => {
    expect(quantile([7], 0.9)).toBe(7);
  });

  test('of no samples is an error, not NaN', () => {
    expect(() => quantile([], 0.5)).toThrow(RangeError);
  });
});

describe('summary', () => {
  test('sorts by size, not by text', () => {
    expect(summarise([100, 9, 20])).toMatchObject({ n: 3, min: 9, median: 20 });
  });

  test('leaves the samples as they were', () => {
    const samples = [3, 1, 2];
    summarise(samples);
    expect(samples).toEqual([3, 1, 2]);
  });

  test('is in order and within the samples, whatever they are', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (samples) => {
        const { min, median, p95 } = summarise(samples);
        expect(min).toBe(Math.min(...samples));
        for (const [low, high] of [
          [min, median],
          [median, p95],
          [p95, Math.max(...samples)],
        ] as const)
          expect(low).toBeLessThanOrEqual(high * (1 + 1e-12));
      }),
    );
  });
});
