import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backfill, GRANULARITIES, marksOf, segmentsOf } from '../../src/segment/marks.ts';

const words = (length: number): string[] => Array.from({ length }, (_, t) => (t % 7 === 6 ? '.' : ' a'));

describe('marksOf', () => {
  it('T8: marks every 15th token and the last', () => {
    expect([...marksOf('interval', words(32), { intervalTokens: 15 })]).toEqual([14, 29, 31]);
    expect([...marksOf('interval', words(15))]).toEqual([14]);
    expect([...marksOf('interval', words(3))]).toEqual([2]);
  });

  it('marks the last token alone when sparse and every token when dense', () => {
    expect([...marksOf('sparse', words(9))]).toEqual([8]);
    expect([...marksOf('dense', words(4))]).toEqual([0, 1, 2, 3]);
  });

  it('uses the rule of the task for steps', () => {
    const stepRule = (pieces: readonly string[]): number[] => [1, pieces.length - 1];
    expect([...marksOf('step', words(9), { stepRule })]).toEqual([1, 8]);
    expect([...marksOf('step', words(9))]).toEqual([6, 8]);
  });

  it('always ascends, ends at the last token and covers each token by one segment', () => {
    const piece = fc.constantFrom(' a', '.', '\n', ' 7', '</think>', '\n\n', '- ', ';');
    fc.assert(
      fc.property(
        fc.array(piece, { minLength: 1, maxLength: 60 }),
        fc.constantFrom(...GRANULARITIES),
        (pieces, kind) => {
          const marks = marksOf(kind, pieces);
          expect(marks.at(-1)).toBe(pieces.length - 1);
          const covered = segmentsOf(marks).flatMap(({ start, end }) =>
            Array.from({ length: end - start + 1 }, (_, i) => start + i),
          );
          expect(covered).toEqual(pieces.map((_, t) => t));
        },
      ),
    );
  });

  it('refuses a completion without tokens and an interval below one', () => {
    expect(() => marksOf('dense', [])).toThrow(/at least one token/);
    expect(() => marksOf('interval', words(3), { intervalTokens: 0 })).toThrow(/interval_tokens/);
  });
});

describe('backfill', () => {
  it('T7: gives each token the value of the next mark', () => {
    const values = [1, 2, 3, 4, 5];
    const marks = [1, 4];
    expect([
      ...backfill(
        marks.map((mark) => values[mark] as number),
        marks,
      ),
    ]).toEqual([2, 2, 5, 5, 5]);
  });

  it('D3: a critic that returns its position gives 0..T-1 when dense', () => {
    const marks = marksOf('dense', words(6));
    expect([...backfill(marks, marks)]).toEqual([0, 1, 2, 3, 4, 5]);
  });
});
