import { describe, expect, it } from 'vitest';
import { createWorld, FACTS, factOf } from '../../../src/task/inverse-rules/world.ts';

describe('createWorld', () => {
  it('makes each of 40 rules a permutation of the digits, and its inverse', () => {
    const { apply, invert } = createWorld(1);
    for (let rule = 0; rule < 40; rule++) {
      expect([...apply.slice(rule * 10, rule * 10 + 10)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      for (let v = 0; v < 10; v++) expect(apply[rule * 10 + (invert[factOf(rule, v)] as number)]).toBe(v);
    }
  });

  it('is shaky on about 35 % of the facts, and then believes one wrong digit', () => {
    let shaky = 0;
    for (let seed = 1; seed <= 20; seed++) {
      const world = createWorld(seed);
      shaky += world.shaky.reduce((sum, one) => sum + one, 0);
      world.misbelief.forEach((digit, fact) => {
        expect(digit).not.toBe(world.invert[fact]);
        expect(digit).toBeLessThan(10);
      });
    }
    // Standard error 0.5 points.
    expect(shaky / (20 * FACTS)).toBeGreaterThan(0.33);
    expect(shaky / (20 * FACTS)).toBeLessThan(0.37);
  });

  it('depends on the seed alone', () => {
    expect(createWorld(3)).toEqual(createWorld(3));
    expect(createWorld(3).apply).not.toEqual(createWorld(4).apply);
  });
});
