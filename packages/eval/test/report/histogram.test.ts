import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { histogram } from '../../src/report/histogram.ts';

describe('histogram', () => {
  it('counts every value once, the largest included', () => {
    const values = fc.array(fc.double({ min: -9, max: 9, noNaN: true }), { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(values, values, (correct, wrong) => {
        const { correct: right, wrong: others, edges } = histogram(correct, wrong, 8)!;
        expect(right.reduce((a, b) => a + b, 0)).toBe(correct.length);
        expect(others.reduce((a, b) => a + b, 0)).toBe(wrong.length);
        expect(edges.length).toBe(9);
      }),
    );
  });

  it('puts values into their bins, on edges shared by both classes', () => {
    expect(histogram([0, 0.9, 1], [4], 4)).toEqual({
      edges: [0, 1, 2, 3, 4],
      correct: [2, 1, 0, 0],
      wrong: [0, 0, 0, 1],
    });
  });

  it('is null without values', () => {
    expect(histogram([], [])).toBeNull();
  });
});
