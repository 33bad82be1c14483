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

  it('punishes length over the buffer before the limit (DAPO, eq. 13)', () => {
    const overlong = { bufferTokens: 4, penalty: 1 };
    const rewards = [5, 16, 17, 18, 20].map((length) => sourceReward(sample(length), { overlong }, 20));
    expect(rewards).toEqual([0, 0, -0.25, -0.5, -1]);
  });
});
