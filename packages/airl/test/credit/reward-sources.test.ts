import { describe, expect, it } from 'vitest';
import { sourceReward } from '../../src/credit/reward-sources.ts';

const TEXT = '<think>\nso\n</think>\n<answer>\n4\n</answer>';
const sample = (length: number, correct = true, text = TEXT) => ({
  text,
  correct,
  completionIds: new Uint32Array(length),
});

describe('sourceReward', () => {
  it('is undefined where no source is on', () => {
    expect(sourceReward(sample(3), {}, 10)).toBeUndefined();
  });

  it('weighs outcome and format', () => {
    expect(sourceReward(sample(3), { outcomeWeight: 2 }, 10)).toBe(2);
    expect(sourceReward(sample(3, false), { outcomeWeight: 2 }, 10)).toBe(0);
    expect(sourceReward(sample(3), { outcomeWeight: 2, formatWeight: 0.5 }, 10)).toBe(2 + 0.5 * 1.5);
    expect(sourceReward(sample(3, true, '4'), { formatWeight: 0.5 }, 10)).toBe(0);
    // All programmatic rewards of the reference: 0.5 four times and 2.
    const formats = ['tag_count', 'soft_format', 'strict_format', 'integer_answer'] as const;
    expect(sourceReward(sample(3), { outcomeWeight: 2, formatWeight: 1, formats }, 10)).toBe(4);
  });

  it('adds up reward functions by name, each with its weight', () => {
    const reference = { correctness: 2, xmlcount: 1, soft_format: 1, strict_format: 1, integer_answer: 1 };
    // The reference's xmlcount is 0.001 over its bound where nothing follows the answer (T26), and 0.018 under it
    // with ten characters behind: both as it logs them.
    expect(sourceReward(sample(3), { functions: reference }, 10)).toBeCloseTo(4.001, 12);
    expect(sourceReward(sample(3, false, `${TEXT} and so on`), { functions: reference }, 10)).toBeCloseTo(1.481, 12);
    const bounded = { correctness: 2, tag_count: 1, soft_format: 1, strict_format: 1, integer_answer: 1 };
    expect(sourceReward(sample(3), { functions: bounded }, 10)).toBe(4);
    expect(sourceReward(sample(3, false), { functions: bounded }, 10)).toBe(2);
    expect(sourceReward(sample(3), { functions: { correctness: 0 } }, 10)).toBeUndefined();
    expect(sourceReward(sample(3), { outcomeWeight: 1, functions: { soft_format: 2 } }, 10)).toBe(2);
  });

  it('punishes length over the buffer before the limit (DAPO, eq. 13)', () => {
    const overlong = { bufferTokens: 4, penalty: 1 };
    const rewards = [5, 16, 17, 18, 20].map((length) => sourceReward(sample(length), { overlong }, 20));
    expect(rewards).toEqual([0, 0, -0.25, -0.5, -1]);
  });
});
