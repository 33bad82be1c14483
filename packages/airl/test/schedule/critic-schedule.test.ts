import { describe, expect, it } from 'vitest';
import { criticLearningRate } from '../../src/schedule/critic-schedule.ts';

describe('criticLearningRate', () => {
  const options = { peak: 1e-5, warmup: 250, total: 250 + 400 * 3, decay: 'cosine' } as const;

  it('T16: rises over the warm-up and falls by half a cosine', () => {
    const rates = [0, 125, 250, 850, 1450].map((update) => criticLearningRate(update, options) * 1e5);
    [0, 0.5, 1, 0.5, 0].forEach((expected, i) => {
      expect(rates[i]).toBeCloseTo(expected, 10);
    });
  });

  it('stays at 0 after the end, and at the peak without decay', () => {
    expect(criticLearningRate(2000, options)).toBeCloseTo(0, 12);
    expect(criticLearningRate(2000, { ...options, decay: 'none' })).toBe(1e-5);
  });

  it('starts at the peak without a warm-up', () => {
    expect(criticLearningRate(0, { ...options, warmup: 0 })).toBe(1e-5);
  });
});
