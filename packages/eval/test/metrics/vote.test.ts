import { describe, expect, it } from 'vitest';
import { majorityShare, weightedMajorityShare } from '../../src/metrics/vote.ts';

describe('votes', () => {
  it('have the values of T21', () => {
    const answers = ['A', 'A', 'B'];
    expect(majorityShare(answers)).toEqual([2 / 3, 2 / 3, 1 / 3]);
    const [a, , b] = weightedMajorityShare(answers, [0, 0, Math.log(3)]);
    expect(a).toBeCloseTo(0.4, 12);
    expect(b).toBeCloseTo(0.6, 12);
  });

  it('are not cast by a sample without an answer, nor won by it', () => {
    expect(majorityShare([null, null, 'B'])).toEqual([0, 0, 1 / 3]);
  });

  it('weigh nothing for a non-finite score', () => {
    expect(weightedMajorityShare(['A', 'B'], [Number.NaN, 0])).toEqual([0, 1]);
  });
});
