import { describe, expect, it } from 'vitest';
import { DataOrder, permutation } from '../../src/data/order.ts';

describe('permutation', () => {
  it('holds every index once and depends on each argument', () => {
    const order = permutation(1, 2, 3, 500);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 500 }, (_, i) => i));
    expect(permutation(1, 2, 3, 500)).toEqual(order);
    for (const other of [permutation(9, 2, 3, 500), permutation(1, 9, 3, 500), permutation(1, 2, 9, 500)]) {
      expect(other).not.toEqual(order);
    }
  });

  it('puts each item first equally often', () => {
    const first = new Array<number>(5).fill(0);
    for (let epoch = 0; epoch < 2000; epoch++) {
      const item = permutation(1, 1, epoch, 5)[0] as number;
      first[item] = (first[item] as number) + 1;
    }
    for (const count of first) expect(Math.abs(count - 400)).toBeLessThan(80);
  });
});

describe('DataOrder', () => {
  it('is a pure function of the cursor, so that a resumed run goes on where it stopped', () => {
    const order = new DataOrder(1, 1, 7);
    const all = Array.from({ length: 30 }, (_, cursor) => order.at(cursor));
    expect([29, 3, 8, 0, 14].map((cursor) => new DataOrder(1, 1, 7).at(cursor))).toEqual(
      [29, 3, 8, 0, 14].map((cursor) => all[cursor]),
    );
    expect([20, 2].map((cursor) => order.at(cursor))).toEqual([all[20], all[2]]);
    for (let epoch = 0; epoch < 4; epoch++) {
      expect(all.slice(epoch * 7, epoch * 7 + 7).sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
    }
    expect(all.slice(0, 7)).not.toEqual(all.slice(7, 14));
  });
});
