import { describe, expect, it } from 'vitest';
import { averagePrecision, randomAveragePrecision } from '../../src/localise/average-precision.ts';
import { aboveChance, chanceHit, chanceOfAny, hitsChange, meanByUnit } from '../../src/localise/grid.ts';
import { firstBelow, largestChange, largestDifference, largestDrop } from '../../src/localise/localisers.ts';
import { permutations, subsets } from './enumerate.ts';

const plateaus = [...new Array<number>(30).fill(2), ...new Array<number>(30).fill(-1)];

describe('error localisation', () => {
  it('has the values of T23: average precision of a random order', () => {
    expect(randomAveragePrecision(4, 1)).toBeCloseTo(0.52083, 5);
    expect(randomAveragePrecision(4, 2)).toBeCloseTo(0.68056, 5);
    expect(randomAveragePrecision(1, 1)).toBe(1);
  });

  it('has the values of T24: the predicted index and its bucket', () => {
    expect(largestDrop(plateaus)).toBe(30);
    expect(Math.floor(largestDrop(plateaus) / 15)).toBe(2);
  });

  it('has the values of T25: chance on the token grid and on buckets', () => {
    expect(chanceHit(60, [20], { interval: 1, window: 7 })).toBe(0.25);
    expect(chanceHit(60, [20], { interval: 15, window: 7 })).toBe(0.75);
  });

  it('takes the first of equal drops, and the first step when nothing drops', () => {
    expect(largestDrop([3, 2, 3, 2])).toBe(1);
    expect(largestDrop([1, 2, 3])).toBe(1);
    expect(largestDrop([1])).toBe(0);
  });

  it('judges on the grid: windows 1, 3, 7 and 15 all mean one bucket of 15', () => {
    const hits = [1, 3, 7, 15].map((window) => hitsChange(44, [20], { interval: 15, window }));
    expect(hits).toEqual([true, true, true, true]);
    expect(hitsChange(45, [20], { interval: 15, window: 15 })).toBe(false);
    expect(hitsChange(44, [20], { interval: 1, window: 15 })).toBe(false);
  });

  it('is 0 at chance and 1 at perfect after normalising', () => {
    expect([aboveChance(0.25, 0.25), aboveChance(1, 0.25)]).toEqual([0, 1]);
  });

  it('has the chance of any of k units by going through all draws', () => {
    for (const [units, local, k] of [
      [7, 2, 1],
      [7, 2, 3],
      [6, 5, 2],
      [5, 0, 2],
      [4, 4, 1],
      [5, 2, 9],
    ] as const) {
      const draws = subsets(units, Math.min(k, units));
      const hits = draws.filter((draw) => draw.some((unit) => unit < local)).length;
      expect(chanceOfAny(units, local, k)).toBeCloseTo(hits / draws.length, 12);
    }
  });

  it('has the expected average precision by going through all orders', () => {
    for (const [n, relevant] of [
      [4, 1],
      [4, 2],
      [5, 3],
      [3, 3],
      [6, 2],
    ] as const) {
      const orders = permutations(n);
      const total = orders.reduce((sum, order) => sum + averagePrecision(order, (item) => item < relevant), 0);
      expect(randomAveragePrecision(n, relevant)).toBeCloseTo(total / orders.length, 12);
    }
  });

  it('ranks ties in the order of the items', () => {
    expect(averagePrecision([1, 2, 2, 0], (item) => item === 2)).toBe(1 / 2);
    expect(averagePrecision([1, 1, 1], (item) => item !== 1)).toBeCloseTo((1 + 2 / 3) / 2, 12);
    expect(averagePrecision([1, 2], () => false)).toBeNaN();
  });

  it('averages the units of a grid, the last one being short', () => {
    expect(meanByUnit([1, 3, 5, 7, 9], 2)).toEqual([2, 6, 9]);
    expect(meanByUnit([4, 5], 1)).toEqual([4, 5]);
  });

  it('finds rises, differences and the first score below a threshold', () => {
    expect(largestChange([0, 1, 3, 1, 2], 'rise')).toBe(2);
    expect(largestDifference([1, 1, 1, 1], [1, 0, -2, -2, -9])).toBe(2);
    expect(firstBelow([1, 0.5, -1], 0.5)).toBe(2);
    expect(firstBelow([1, 1], 0)).toBeNull();
  });
});
