import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CHECKERS, type CheckerName, createChecker } from '../../src/verify/checkers.ts';
import { bestTimeMs } from '../best-time-ms.ts';

const tagged = (answer: string): string => `<think>\nwork\n</think>\n<answer>\n${answer}\n</answer>`;

describe('the numeric checker', () => {
  it.each([
    // D18: the reference fails these three by comparing strings.
    ['1,000', '1000', 'correct', false],
    ['$5', '5', 'correct', false],
    ['12.0', '12', 'correct', false],
    ['72', '72', 'correct', true],
    ['025', '25', 'correct', false],
    ['1/2', '0.5', 'correct', false],
    ['50%', '0.5', 'correct', false],
    ['50%', '50', 'correct', false],
    ['0.5', '50%', 'wrong', false],
    ['71', '72', 'wrong', false],
    ['-72', '72', 'wrong', false],
    ['72.5', '72', 'wrong', false],
    ['seventy', '72', 'unparsed', false],
    ['71 or 72', '72', 'unparsed', false],
    ['', '72', 'unparsed', false],
  ] as const)('takes %j for %j as %s', (answer, gold, outcome, strict) => {
    expect(CHECKERS.numeric(tagged(answer), gold)).toEqual({ outcome, answer, strict });
  });

  it('does not guess from a text without answer tags', () => {
    expect(CHECKERS.numeric('The answer is 72', '72')).toEqual({ outcome: 'unparsed', answer: null, strict: false });
  });
});

describe('the exact checker', () => {
  it.each([
    ['9', '9', 'correct'],
    ['9.0', '9', 'wrong'],
    ['', '9', 'unparsed'],
  ] as const)('takes %j for %j as %s', (answer, gold, outcome) => {
    expect(CHECKERS.exact(tagged(answer), gold).outcome).toBe(outcome);
  });
});

const OPTIONS = {
  A: 'Iron deficiency',
  B: 'B-12 deficiency',
  C: 'Folate deficiency',
  D: 'I: iodine lack',
} as const;

describe('the choice checker', () => {
  // D17. `null` options: only labels can be compared, and texts with the gold text.
  const rows: [string, string, typeof OPTIONS | null, 'correct' | 'wrong' | 'unparsed'][] = [
    ['A', 'A', OPTIONS, 'correct'],
    ['a', 'A', OPTIONS, 'correct'],
    ['(A)', 'A', OPTIONS, 'correct'],
    ['A.', 'A', OPTIONS, 'correct'],
    ['A. Iron deficiency', 'A', OPTIONS, 'correct'],
    ['A) iron   deficiency', 'A. Iron deficiency', OPTIONS, 'correct'],
    ['A: lack of iron', 'A', OPTIONS, 'correct'],
    ['A - iron', 'A', OPTIONS, 'correct'],
    ['Iron deficiency', 'A', OPTIONS, 'correct'],
    ['iron  DEFICIENCY', 'A. Iron deficiency', OPTIONS, 'correct'],
    ['B-12 deficiency', 'B', OPTIONS, 'correct'],
    ['B-12 deficiency', 'A', OPTIONS, 'wrong'],
    ['vitamin b-12: low, A: normal', 'vitamin b-12: low, A: normal', null, 'correct'],
    ['vitamin b-12: low, A: normal', 'A', OPTIONS, 'wrong'],
    ['I: iodine lack', 'D', OPTIONS, 'correct'],
    ['A. Folate deficiency', 'A', OPTIONS, 'unparsed'],
    ['A or B', 'A', OPTIONS, 'unparsed'],
    ['A, B', 'A', OPTIONS, 'unparsed'],
    ['A. B. C.', 'A', OPTIONS, 'unparsed'],
    ['B', 'A', OPTIONS, 'wrong'],
    ['B. Iron-free diet', 'A', OPTIONS, 'wrong'],
    ['E', 'A', OPTIONS, 'wrong'],
    ['J', 'J', null, 'correct'],
    ['J. yes', 'J. yes', null, 'correct'],
    ['K. yes', 'J', null, 'wrong'],
    ['A dog', 'A', null, 'wrong'],
    ['I think so', 'I', null, 'wrong'],
    ['folate deficiency', 'folate deficiency', null, 'correct'],
    ['C. folate', 'folate', null, 'correct'],
    ['folate', 'C. folate', null, 'correct'],
    ['\\boxed{\\text{A}}', 'A', OPTIONS, 'correct'],
    ['**A**', 'A', OPTIONS, 'correct'],
    ['Option A', 'A', OPTIONS, 'correct'],
    ['The correct answer is (A)', 'A', OPTIONS, 'correct'],
    ['Iron deficiency.', 'A', OPTIONS, 'correct'],
    ['toString', 'A', OPTIONS, 'wrong'],
    ['', 'A', OPTIONS, 'unparsed'],
  ];

  it.each(rows)('takes %j for %j with options %o as %s', (answer, gold, options, outcome) => {
    expect(CHECKERS.choice(tagged(answer), gold, options ?? undefined).outcome).toBe(outcome);
  });
});

describe('createChecker', () => {
  it('finds answers in texts without tags when told how', () => {
    const checker = createChecker('choice', 'stated');
    expect(checker('The answer is (B).\n\n', 'B')).toEqual({ outcome: 'correct', answer: '(B)', strict: false });
    expect(createChecker('numeric', 'boxed')('so \\boxed{12.0}', '12').outcome).toBe('correct');
    expect(createChecker('numeric', 'hashes')('a\n#### 12', '12')).toEqual({
      outcome: 'correct',
      answer: '12',
      strict: true,
    });
  });
});

describe('every checker', () => {
  const names = Object.keys(CHECKERS) as CheckerName[];

  it.each(names)('%s is total, and never calls an untagged text correct', (name) => {
    fc.assert(
      fc.property(fc.string({ maxLength: 300 }), fc.string({ maxLength: 20 }), (text, gold) => {
        expect(['correct', 'wrong', 'unparsed']).toContain(CHECKERS[name](tagged(text), gold).outcome);
        if (!text.includes('answer>')) expect(CHECKERS[name](text, gold).outcome).toBe('unparsed');
      }),
    );
  });

  it.each(names)('%s is fast on hostile text', (name) => {
    for (const part of ['(', 'A. ', '$', '1,', '\\boxed{', '<answer>', ' ', 'a)', '{}']) {
      const text = tagged(part.repeat(Math.ceil(100_000 / part.length)));
      expect(
        bestTimeMs(() => CHECKERS[name](text, '5')),
        part,
      ).toBeLessThan(5);
    }
  });
});
