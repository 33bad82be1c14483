import { describe, expect, it } from 'vitest';
import { estimateAdvantages } from '../../src/credit/advantage.ts';
import { checkCredit, isCreditValid } from '../../src/credit/credit-level.ts';
import type { ScoredCompletion } from '../../src/credit/scored-completion.ts';

const completion = (group: number, rewards: number[]): ScoredCompletion => ({
  group,
  rewards,
  segments: rewards.map((_, t) => ({ start: t, end: t })),
});

function expectClose(actual: ArrayLike<number> | undefined, expected: number[]): void {
  expect(actual?.length).toBe(expected.length);
  expected.forEach((value, i) => {
    expect(actual?.[i]).toBeCloseTo(value, 4);
  });
}

describe('sequence credit', () => {
  it('T9: takes the mean off and divides by the unbiased deviation', () => {
    const batch = [1, 0, 0, 0].map((reward) => completion(0, [reward]));
    const { perToken, rewards } = estimateAdvantages(batch, { level: 'sequence', scale: 'group', gamma: 1 });
    expect(perToken.map((a) => Number(a[0]?.toFixed(4)))).toEqual([1.4997, -0.4999, -0.4999, -0.4999]);
    expect([...rewards]).toEqual([1, 0, 0, 0]);
  });

  it('T12: gives every token of a completion the same value', () => {
    const batch = [completion(0, [0, 1, 2]), completion(0, [1, 0])];
    const { perToken } = estimateAdvantages(batch, { level: 'sequence', scale: 'group', gamma: 1 });
    expectClose(perToken[0], [0.70691, 0.70691, 0.70691]);
    expectClose(perToken[1], [-0.70691, -0.70691]);
  });
});

describe('token credit', () => {
  it('T10: sums what follows, discounted', () => {
    const batch = [completion(0, [0, 0, 1]), completion(0, [0, 0, -1])];
    const { perToken } = estimateAdvantages(batch, { level: 'token', scale: 'none', gamma: 0.9 });
    expectClose(perToken[0], [0.81, 0.9, 1]);
  });

  it('T11: normalises by the last-token rewards of the group', () => {
    const batch = [completion(0, [0, 1, 2]), completion(0, [1, 0])];
    const { perToken } = estimateAdvantages(batch, { level: 'token', scale: 'group', gamma: 0.9 });
    expectClose(perToken[0], [-0.13434, 0.63635, 0.70706]);
    expectClose(perToken[1], [-0.63635, -0.70706]);
  });

  it('is finite and right for 2,000 tokens at gamma 0.9', () => {
    const rewards = Array.from({ length: 2000 }, (_, t) => Math.sin(t) * 3);
    const batch = [completion(0, rewards), completion(0, [0])];
    const { perToken } = estimateAdvantages(batch, { level: 'token', scale: 'none', gamma: 0.9 });
    const mean = (rewards[1999] as number) / 2;
    for (const t of [0, 1, 829, 1000, 1999]) {
      let expected = 0;
      for (let k = t; k < 2000; k++) expected += 0.9 ** (k - t) * ((rewards[k] as number) - mean);
      expect(perToken[0]?.[t]).toBeCloseTo(expected, 4);
    }
    expect(perToken[0]?.every(Number.isFinite)).toBe(true);
  });
});

describe('segment credit', () => {
  it('T13: normalises all segments of the group together, by the population deviation', () => {
    const batch: ScoredCompletion[] = [
      {
        group: 0,
        rewards: [1, 1, 2],
        segments: [
          { start: 0, end: 1 },
          { start: 2, end: 2 },
        ],
      },
      {
        group: 0,
        rewards: [3, 6, 6],
        segments: [
          { start: 0, end: 0 },
          { start: 1, end: 2 },
        ],
      },
    ];
    const { perToken } = estimateAdvantages(batch, { level: 'segment', scale: 'group', gamma: 1 });
    expectClose(perToken[0], [-1.06904, -1.06904, -0.53452]);
    expectClose(perToken[1], [0, 1.60357, 1.60357]);
  });
});

describe('estimateAdvantages', () => {
  const batch = [completion(0, [1]), completion(0, [3]), completion(1, [10]), completion(1, [10])];

  it('keeps groups apart and reports those without spread', () => {
    const { perToken, zeroSpreadGroups } = estimateAdvantages(batch, { level: 'sequence', scale: 'group', gamma: 1 });
    expectClose(
      perToken.map((a) => a[0] as number),
      [-0.70706, 0.70706, 0, 0],
    );
    expect(zeroSpreadGroups).toBe(0.5);
  });

  it('takes the spread of the whole batch, or none, when told so', () => {
    const values = (scale: 'batch' | 'none'): number[] =>
      estimateAdvantages(batch, { level: 'sequence', scale, gamma: 1 }).perToken.map((a) => a[0] as number);
    expectClose(values('none'), [-1, 1, 0, 0]);
    const std = Math.sqrt((25 + 9 + 16 + 16) / 3);
    expectClose(values('batch'), [-1 / (std + 1e-4), 1 / (std + 1e-4), 0, 0]);
  });

  it('gives a group of one no advantage, at every level', () => {
    for (const level of ['sequence', 'token', 'segment'] as const) {
      const { perToken } = estimateAdvantages([completion(0, [5])], { level, scale: 'group', gamma: 1 });
      expect(perToken[0]?.[0], level).toBe(0);
    }
  });

  it('refuses a reward that is not finite', () => {
    expect(() =>
      estimateAdvantages([completion(0, [Number.NaN])], { level: 'token', scale: 'group', gamma: 1 }),
    ).toThrow(/finite/);
  });
});

describe('isCreditValid', () => {
  it('allows sparse with sequence only, dense without segments, and all else', () => {
    const valid = (['sparse', 'step', 'interval', 'dense'] as const).map((granularity) =>
      (['sequence', 'token', 'segment'] as const).filter((level) => isCreditValid(granularity, level)),
    );
    expect(valid).toEqual([
      ['sequence'],
      ['sequence', 'token', 'segment'],
      ['sequence', 'token', 'segment'],
      ['sequence', 'token'],
    ]);
  });

  it('refuses the others with the valid ones', () => {
    expect(() => checkCredit('dense', 'segment')).toThrow(/sequence or token with dense/);
    expect(() => checkCredit('step', 'segment')).not.toThrow();
  });
});
