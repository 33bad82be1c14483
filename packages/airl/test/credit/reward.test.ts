import { describe, expect, it } from 'vitest';
import { meanReward, tokenRewards } from '../../src/credit/reward.ts';

describe('tokenRewards', () => {
  it('divides by the temperature, clips, and fills back to earlier tokens', () => {
    expect([...tokenRewards([4, -30], [1, 4], { temperature: 2, clip: [-5, 5] })]).toEqual([2, 2, -5, -5, -5]);
  });

  it('keeps every value without a clip', () => {
    expect([...tokenRewards([-30], [1], { temperature: 1, clip: null })]).toEqual([-30, -30]);
  });
});

describe('meanReward', () => {
  it('weighs each token once, so that a long plateau counts more', () => {
    expect(meanReward(tokenRewards([1, 4], [3, 4], { temperature: 1, clip: null }))).toBeCloseTo(8 / 5);
  });
});
