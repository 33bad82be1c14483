import { describe, expect, it } from 'vitest';
import { estimateOverSeeds } from '../../src/stats/seeds.ts';

const prompts = Array.from({ length: 200 }, (_, i) => (i % 4) / 3);

describe('a mean over seeds', () => {
  it('has the t interval of the means of the seeds', () => {
    const shift = [-0.05, 0.05, 0];
    const got = estimateOverSeeds(shift.map((by) => prompts.map((value) => value + by)));
    expect(got.value).toBeCloseTo(0.5, 12);
    expect(got.bySeed.map((mean) => mean.toFixed(3))).toEqual(['0.450', '0.550', '0.500']);
    // SciPy 1.17.1, stats.t.interval of 0.45, 0.55 and 0.5.
    expect(got.overSeeds!.low).toBeCloseTo(0.3757931144, 8);
    expect(got.overSeeds!.high).toBeCloseTo(0.6242068856, 8);
  });

  it('is wider than over prompts alone where seeds differ', () => {
    const same = estimateOverSeeds([prompts, prompts]);
    const apart = estimateOverSeeds([prompts.map((v) => v - 0.2), prompts.map((v) => v + 0.2)]);
    const width = ({ hierarchical }: typeof same): number => hierarchical!.high - hierarchical!.low;
    // Values 0, 1/3, 2/3, 1: variance 5/36; equal seeds leave the interval of 200 prompts.
    expect(width(same) / (2 * 1.96 * Math.sqrt(5 / 36 / 200))).toBeGreaterThan(0.9);
    expect(width(same) / (2 * 1.96 * Math.sqrt(5 / 36 / 200))).toBeLessThan(1.1);
    expect(width(apart)).toBeGreaterThan(3 * width(same));
  });

  it('has no interval with one seed, and refuses other prompts', () => {
    expect(estimateOverSeeds([prompts])).toMatchObject({ seeds: 1, hierarchical: null, overSeeds: null });
    expect(() => estimateOverSeeds([prompts, [1]])).toThrow('200, 1 prompts');
  });
});
