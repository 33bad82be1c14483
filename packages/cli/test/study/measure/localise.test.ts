import { describe, expect, it } from 'vitest';
import {
  chanceHits,
  countHits,
  evenly,
  fitUnitThreshold,
  type LocalisedTrace,
  namedUnit,
} from '../../../src/study/measure/localise.ts';

const trace = (error: number, ...units: number[]): LocalisedTrace => ({ error, candidates: units.length, units });

describe('namedUnit', () => {
  it('drop: names the largest fall, the first unit compared with 0, the first one on ties', () => {
    expect(namedUnit('drop', [2, 1.5, -1, -3], 0)).toBe(2);
    expect(namedUnit('drop', [-4, -5, -7], 0)).toBe(0);
    expect(namedUnit('drop', [1, 0, -1], 0)).toBe(1);
    expect(namedUnit('drop', [1, 2, 3], 0)).toBe(0);
  });

  it('lowest: names the lowest unit, the first one on ties', () => {
    expect(namedUnit('lowest', [2, -1, -3, -2], 0)).toBe(2);
    expect(namedUnit('lowest', [0, -1, -1], 0)).toBe(1);
  });

  it('threshold: names the first unit below it, and the lowest where none is', () => {
    expect(namedUnit('threshold', [2, -1, -3], 0)).toBe(1);
    expect(namedUnit('threshold', [2, 0, 1], 0)).toBe(1);
    expect(namedUnit('threshold', [2, -1, -3], -2)).toBe(2);
  });
});

describe('fitUnitThreshold', () => {
  it('finds the threshold that names most first errors', () => {
    const dev = [trace(1, 3, 1, 0.5), trace(0, 1.2, 3, 0), trace(2, 3, 2.5, 1, 0)];
    const threshold = fitUnitThreshold(dev);
    expect(threshold).toBeGreaterThan(1.2);
    expect(threshold).toBeLessThan(2.5);
    expect(countHits('threshold', dev, threshold)).toBe(3);
    expect(countHits('lowest', dev, threshold)).toBe(0);
  });

  it('is 0 where there is nothing to fit it on', () => {
    expect(fitUnitThreshold([])).toBe(0);
  });
});

describe('chance', () => {
  it("is a draw among each trace's own units", () => {
    expect(chanceHits([trace(0, 1, 1), trace(0, 1, 1, 1, 1)])).toBeCloseTo((1 / 2 + 1 / 4) / 2, 12);
  });
});

describe('evenly', () => {
  it('takes items from all over the list, and all where there are too few', () => {
    expect(evenly([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], 5)).toEqual([0, 2, 4, 6, 8]);
    expect(evenly([0, 1, 2, 3, 4, 5, 6], 3)).toEqual([0, 2, 4]);
    expect(evenly(['a', 'b'], 5)).toEqual(['a', 'b']);
    expect(evenly([], 5)).toEqual([]);
  });
});
