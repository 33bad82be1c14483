import { describe, expect, it } from 'vitest';
import { formatDuration, formatEstimate, formatPercent, formatPoints } from '../../src/report/format.ts';

describe('formatted numbers', () => {
  it('are per cent with one decimal and their interval', () => {
    const estimate = { value: 0.5714, low: 0.512, high: 0.6283, n: 80, method: 'bootstrap' } as const;
    expect(formatEstimate(estimate)).toBe('57.1 [51.2, 62.8]');
    expect(formatEstimate(null)).toBe('n/a');
    expect(formatPercent(Number.NaN)).toBe('n/a');
  });

  it('carry a sign as differences, except for zero', () => {
    expect([0.042, -0.003, 0, -0.0001].map(formatPoints)).toEqual(['+4.2', '-0.3', '0.0', '0.0']);
  });

  it('are durations that people use', () => {
    expect([47, 200, 3900].map(formatDuration)).toEqual(['47 s', '3 min 20 s', '1 h 5 min']);
  });
});
