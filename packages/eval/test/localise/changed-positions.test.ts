import { describe, expect, it } from 'vitest';
import { changedPositions } from '../../src/localise/changed-positions.ts';

const ids = (text: string): number[] => [...text].map((char) => char.charCodeAt(0));
const changed = (clean: string, edited: string): number[] => changedPositions(ids(clean), ids(edited));

describe('changedPositions', () => {
  it('names what was replaced, put in or left out', () => {
    expect(changed('3 + 4 = 7', '3 - 4 = 7')).toEqual([2]);
    expect(changed('abcdef', 'abXYcdef')).toEqual([2, 3]);
    // Nothing of the edited text is new: the place where it first differs stands for what is gone.
    expect(changed('abcdef', 'abef')).toEqual([2]);
    expect(changed('abc', 'abc')).toEqual([]);
    expect(changed('abcdef', 'abXdeY')).toEqual([2, 5]);
  });

  it('adds the first difference, which an alignment passes over', () => {
    // The longest stretch in common is "aab" behind the first a.
    expect(changed('aab', 'aaab')).toContain(2);
    expect(changed('abc', 'abcd')).toEqual([3]);
    expect(changed('abcd', 'abc')).toEqual([3]);
  });

  // Opcodes of difflib.SequenceMatcher(autojunk=False) of Python 3.11, non-equal places of the second text.
  it.each([
    ['qabxcd', 'abycdf', [0, 2, 5]],
    ['private Thread currentThread;', 'private volatile Thread currentThread;', [6, 7, 8, 9, 10, 11, 12, 13, 14]],
    ['48/2=24. 24+48=72', '48/2=25. 24*48=71', [6, 11, 16]],
    ['the cat sat on the mat', 'the mat sat on the cat', [4, 19]],
  ] as const)('agrees with the published files: %s', (clean, edited, expected) => {
    expect(changed(clean, edited)).toEqual([...expected]);
  });

  it('leaves the clean text where its changed places are taken out (random edits)', () => {
    let state = 1;
    const draw = (bound: number): number => {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 2 ** 32) * bound);
    };
    for (let i = 0; i < 200; i++) {
      const clean = Array.from({ length: 30 }, () => draw(6));
      const edited = clean.flatMap((id) => {
        const way = draw(12);
        return way === 0 ? [] : way === 1 ? [id, 9] : way === 2 ? [8] : [id];
      });
      const positions = new Set(changedPositions(clean, edited));
      const kept = edited.filter((_, t) => !positions.has(t));
      let from = 0;
      // What is not changed stands in the clean text in the same order.
      for (const id of kept) {
        from = clean.indexOf(id, from) + 1;
        expect(from).toBeGreaterThan(0);
      }
    }
  });
});
