import { describe, expect, it } from 'vitest';
import { meanReward, rewardsOf, tokenRewards } from '../../src/credit/reward.ts';

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

describe('rewardsOf', () => {
  const sample = { id: 'a', marks: Uint32Array.of(1, 3), segments: [], forced: new Uint8Array(4) };
  const options = { temperature: 1, clip: [-5, 5] as const, malformed: -1 };

  it('holds what was cut off, or has no answer, below the bound of malformed text', () => {
    const records = [
      { ...sample, finish: 'end' as const, answerExtracted: '7' },
      { ...sample, finish: 'length' as const, answerExtracted: '7' },
      { ...sample, finish: 'end' as const, answerExtracted: null },
    ];
    const rewards = rewardsOf(
      records.map(() => ({ f: [2, 3] })),
      records,
      options,
    );
    expect(rewards.map(({ tokens }) => [...tokens])).toEqual([
      [2, 2, 3, 3],
      [-1, -1, -1, -1],
      [-1, -1, -1, -1],
    ]);
    const [low] = rewardsOf([{ f: [-3, 1] }], [records[1]!], options);
    expect([...low!.tokens]).toEqual([-3, -3, -1, -1]);
    // What the critic said is still what is measured of it.
    expect(rewards.map(({ raw }) => raw)).toEqual([
      [2, 3],
      [2, 3],
      [2, 3],
    ]);
  });

  it('gives it to the trace of a shaped critic as a whole too, wherever the bounds of the critic are', () => {
    const record = { ...sample, finish: 'length' as const, answerExtracted: null };
    const [reward] = rewardsOf([{ f: [2, 3], g: [2, 3], shape: [0, 0] }], [record], { ...options, malformed: -9 });
    expect([reward!.whole, ...reward!.tokens]).toEqual([-9, -9, -9, -9, -9]);
  });

  it('leaves malformed text to the critic unless asked', () => {
    const record = { ...sample, finish: 'length' as const, answerExtracted: null };
    const [reward] = rewardsOf([{ f: [2, 3] }], [record], { temperature: 1, clip: [-5, 5] });
    expect([...reward!.tokens]).toEqual([2, 2, 3, 3]);
  });
});
