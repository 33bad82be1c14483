import { describe, expect, it } from 'vitest';
import { checkExperts } from '../../src/data/check-experts.ts';
import { canonicalTarget, type Example, findTargetParts } from '../../src/data/example.ts';
import { CHECKERS } from '../../src/verify/checkers.ts';

const row = (id: string, target?: string): Example => ({
  id,
  prompt: id,
  answer: '5',
  ...(target === undefined ? {} : { target }),
});
const good = row('good', canonicalTarget('2 + 3', '5'));

describe('checkExperts', () => {
  it.each([
    [undefined, 'no target'],
    ['just text', 'no <think>...</think> block'],
    ['<answer>5</answer>', 'no <think>...</think> block'],
    [canonicalTarget(' ', '5'), 'an empty <think> block'],
    ['<think>\na\n</think>\n5', 'no <answer>...</answer> block behind the reasoning'],
    [canonicalTarget('a', ''), 'an empty <answer> block'],
    ['<think>a</think><answer>5</answer>', 'blocks that are not in the canonical form'],
  ])('tells of the target %j that it has %s', (target, fault) => {
    expect(() => checkExperts([good, row('bad', target)])).toThrow(
      `experts: expected <think>reasoning</think> and <answer>answer</answer> in each target, got row bad with ${fault}`,
    );
    expect(checkExperts([good, row('bad', target)], 'drop')).toEqual({
      experts: [good],
      dropped: 1,
      wrongAnswers: undefined,
    });
  });

  it('shows five faults and counts the rest', () => {
    const rows = Array.from({ length: 9 }, (_, i) => row(`r${i}`));
    expect(() => checkExperts([good, ...rows])).toThrow(
      /row r0 with no target, .*row r4 with no target and 4 more of 10/,
    );
    expect(() => checkExperts(rows, 'drop')).toThrow(/train sft/);
  });

  it('counts experts whose own answer is wrong, where there is a checker', () => {
    const wrong = row('wrong', canonicalTarget('2 + 2', '4'));
    expect(checkExperts([good, wrong], 'error', CHECKERS.numeric).wrongAnswers).toBe(1);
  });
});

describe('findTargetParts', () => {
  it('finds the blocks however they are spaced', () => {
    expect(findTargetParts(' <think> a\nb </think>\n\n<answer>5</answer> ')).toEqual({
      reasoning: 'a\nb',
      answer: '5',
    });
  });
});
