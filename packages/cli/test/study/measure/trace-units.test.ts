import { describe, expect, it } from 'vitest';
import { errorUnit, unitEnds, unitMeans } from '../../../src/study/measure/trace-units.ts';

describe('unitEnds', () => {
  it('cuts a well-formed completion into its lines and what stands behind them', () => {
    expect(unitEnds(21, 2)).toEqual([8, 16, 21]);
    expect(unitEnds(37, 4)).toEqual([8, 16, 24, 32, 37]);
  });

  it('takes what there is of a short one, and leaves the rest of a long one in its last unit', () => {
    expect(unitEnds(16, 2)).toEqual([8, 16]);
    expect(unitEnds(13, 2)).toEqual([8, 13]);
    expect(unitEnds(3, 4)).toEqual([3]);
    expect(unitEnds(37, 2)).toEqual([8, 16, 37]);
  });
});

describe('unitMeans', () => {
  it('is the mean over the tokens of each unit', () => {
    expect(unitMeans([1, 3, 5, 7, 9], [2, 5])).toEqual([2, 7]);
  });
});

describe('errorUnit', () => {
  it('is the wrong line, or what stands behind the lines', () => {
    expect(errorUnit({ step: 1, token: 12 }, [8, 16, 21])).toBe(1);
    expect(errorUnit({ step: 2, token: 18 }, [8, 16, 21])).toBe(2);
    expect(errorUnit(undefined, [8, 16, 21])).toBeNull();
  });

  it('is the last unit where the text stops too early', () => {
    expect(errorUnit({ step: 2, token: 16 }, unitEnds(16, 2))).toBe(1);
    expect(errorUnit({ step: 0, token: 3 }, unitEnds(3, 4))).toBe(0);
  });
});
