import { describe, expect, it } from 'vitest';
import { pairedTest } from '../../src/stats/paired-test.ts';

function signs(wins: number, losses: number): number[] {
  return [...new Array<number>(wins).fill(1), ...new Array<number>(losses).fill(-1), 0, 0];
}

// stats.binomtest and stats.permutation_test(permutation_type='samples') of SciPy 1.17.1.
describe('tests of paired differences', () => {
  it.each([
    [3, 11, 0.057373046875],
    [7, 7, 1],
    [40, 80, 0.00033040001839131815],
  ])('of signs: %d wins, %d losses', (wins, losses, p) => {
    const got = pairedTest(signs(wins, losses));
    expect(got.signP).toBeCloseTo(p, 9);
    expect(got).toMatchObject({ wins, losses, ties: 2 });
  });

  it('go through all signs of few pairs', () => {
    expect(pairedTest([0.5, -0.25, 0.125, 1, 0.75, -0.5, 0.25]).signFlipP).toBe(0.265625);
    expect(pairedTest([1, 1, 1]).signFlipP).toBe(0.25);
  });

  it('draw the signs of many', () => {
    const differences = Array.from({ length: 40 }, (_, i) => (((i * 7) % 11) - 4) / 10);
    // 200,000 draws of SciPy give 0.0541.
    expect(Math.abs(pairedTest(differences).signFlipP - 0.0541)).toBeLessThan(0.008);
  });

  it('find nothing where nothing differs, whichever side is first', () => {
    expect(pairedTest([0, 0])).toMatchObject({ signFlipP: 1, signP: 1, ties: 2 });
    const one = pairedTest([0.3, -0.1, 0.2, 0.2]);
    const other = pairedTest([-0.3, 0.1, -0.2, -0.2]);
    expect([other.signFlipP, other.signP]).toEqual([one.signFlipP, one.signP]);
  });
});
