import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { answerSpan, SELECTOR_NAMES, selectScore } from '../../src/metrics/selectors.ts';

describe('selectors', () => {
  it('have the values of T20', () => {
    expect(selectScore('discounted-mean', [1, 2, 3])).toBeCloseTo(2.03418, 5);
    expect(selectScore('softmax-2', [1, 2, 3])).toBeCloseTo(2.85094, 5);
    expect(selectScore('power-2', [1, 2, 3])).toBeCloseTo(2.16025, 5);
    expect(selectScore('power-2', [-1, 0, 1])).toBeCloseTo(0.29099, 5);
  });

  it('take the ends, the top and the trimmed middle', () => {
    const scores = [9, 1, 2, 3, 4, 5, 6, 7, 8, -20];
    expect(selectScore('mean', scores)).toBeCloseTo(2.5, 12);
    expect(selectScore('last', scores)).toBe(-20);
    expect(selectScore('last-3', scores)).toBeCloseTo(-5 / 3, 12);
    expect(selectScore('top-3', scores)).toBeCloseTo(8, 12);
    expect(selectScore('trimmed-10', scores)).toBeCloseTo(4.5, 12);
  });

  it('double the answer, or the last fifth when the answer is unknown', () => {
    expect(selectScore('answer-2', [1, 0, 0, 0, 1])).toBeCloseTo(3 / 6, 12);
    expect(selectScore('answer-2', [1, 0, 0, 0, 1], { start: 0, end: 2 })).toBeCloseTo(3 / 7, 12);
  });

  it('return the value of a constant vector, except for rounding', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...SELECTOR_NAMES),
        fc.double({ min: -5, max: 5, noNaN: true }),
        fc.integer({ min: 1, max: 50 }),
        (name, value, count) => {
          expect(selectScore(name, new Array<number>(count).fill(value))).toBeCloseTo(value, 6);
        },
      ),
    );
  });

  it('are not a number for no tokens or a non-finite token', () => {
    for (const name of SELECTOR_NAMES) {
      expect(selectScore(name, [])).toBeNaN();
      expect(selectScore(name, [1, Number.NaN])).toBeNaN();
    }
  });

  it('find the answer between its tags, in proportion', () => {
    const text = 'aaaaaaaaaa<answer>42</answer>';
    // Characters 18 and 19 of 29, in 29 and in 10 tokens.
    expect(answerSpan(text, 29)).toEqual({ start: 18, end: 20 });
    expect(answerSpan(text, 10)).toEqual({ start: 6, end: 7 });
    expect(answerSpan('no tags', 5)).toBeUndefined();
    expect(answerSpan('<answer>cut', 5)).toBeUndefined();
  });

  // Token scores of a right and a wrong completion, which only some selectors order rightly.
  it.each([
    ['mean', [0, 0, 3], [0, 2, 0]],
    ['discounted-mean', [0, 2, 2.1], [2.3, 2, 0]],
    ['last', [-9, 0, 1], [9, 9, 0]],
    ['last-3', [-9, 1, 1, 1], [9, 0, 0, 0]],
    ['top-3', [3, 3, 3, -9], [2, 2, 2, 2]],
    ['softmax-2', [5, -9, -9], [1, 1, 1]],
    ['power-2', [4, 0.1, 0.1], [2, 1, 1]],
    ['trimmed-10', [-99, 1, 1, 1, 1, 1, 1, 1, 1, 1], [0, 0, 0, 0, 0, 0, 0, 0, 0, 99]],
    ['answer-2', [0, 0, 0, 0, 3], [3, 0, 0, 0, 0]],
  ] as const)('prefer by %s what it stands for', (name, right, wrong) => {
    expect(selectScore(name, right)).toBeGreaterThan(selectScore(name, wrong));
  });
});
