import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalTarget } from '../../src/data/example.ts';
import { FORMAT_REWARDS, type FormatRewardName, referenceTagCount } from '../../src/verify/format-rewards.ts';

const canonical = canonicalTarget('work', '72');
const names = Object.keys(FORMAT_REWARDS) as FormatRewardName[];

describe('format rewards', () => {
  it.each([
    [canonical, [0.5, 0.5, 0.5, 0.5]],
    [`\n${canonical}  \n`, [0.5, 0.5, 0.5, 0.5]],
    [`Well: ${canonical}`, [0.5, 0.5, 0, 0.5]],
    ['<think>a</think> so <answer>7</answer>', [0.5, 0.5, 0, 0.5]],
    ['<think>a</think><answer>7.5</answer>', [0.5, 0.5, 0.5, 0]],
    ['<answer>7</answer><think>a</think>', [0.5, 0, 0, 0.5]],
    ['<think>a</think><think>b</think><answer>7</answer>', [0.25, 0.5, 0, 0.5]],
    ['<think>a', [0.125, 0, 0, 0]],
    ['72', [0, 0, 0, 0]],
  ])('of %j are tags, soft, strict and integer %j', (text, expected) => {
    expect(names.map((name) => FORMAT_REWARDS[name](text))).toEqual(expected);
  });

  it('T26: the compatible tag count of the canonical target is .501, with a newline .499, with ten characters .481', () => {
    const values = ['', '\n', '0123456789'].map((tail) => referenceTagCount(canonical + tail));
    expect(values.map((value) => Number(value.toFixed(6)))).toEqual([0.501, 0.499, 0.481]);
  });

  it('D20: ours never passes 0.5 and never falls below 0, whatever the text', () => {
    const piece = fc.constantFrom('<think>', '</think>', '<answer>', '</answer>', '7', '\n', ' word');
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
        for (const name of names) {
          const reward = FORMAT_REWARDS[name](pieces.join(''));
          expect(reward >= 0 && reward <= 0.5).toBe(true);
        }
      }),
    );
  });
});
