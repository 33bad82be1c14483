import { describe, expect, it } from 'vitest';
import { aboveChance, chanceHit, hitsChange, largestDrop, randomAveragePrecision } from '../../src/metrics/localise.ts';

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
});
