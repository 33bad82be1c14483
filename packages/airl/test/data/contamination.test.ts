import { describe, expect, it } from 'vitest';
import { findContamination } from '../../src/data/contamination.ts';
import type { Example } from '../../src/data/example.ts';

const row = (id: string, prompt: string): Example => ({ id, prompt, answer: '1' });
const LONG =
  'A farmer has twelve cows and buys seven more at the market on Monday, then sells four of them to his neighbour. How many cows are left on the farm?';
const train = [row('t1', LONG), row('t2', 'Short one?'), row('t3', LONG.replace('cows', 'goats'))];

describe('findContamination', () => {
  it('finds the same problem whatever its case, spacing and Unicode form', () => {
    expect(findContamination(train, [row('h', '  SHORT\n one？')])).toEqual([
      { id: 'h', trainId: 't2', kind: 'same', share: 1 },
    ]);
  });

  it('finds a problem retold with another beginning, and names the row and the share', () => {
    const [found, ...others] = findContamination(train, [row('h', LONG.replace('A farmer', 'Old Mr. Miller'))]);
    expect(others).toEqual([]);
    expect(found).toMatchObject({ id: 'h', trainId: 't1', kind: 'similar' });
    expect(found!.share).toBeGreaterThan(0.8);
    expect(found!.share).toBeLessThan(1);
  });

  it('passes over problems that share a phrase, and short ones that differ', () => {
    const others = [row('a', 'A child has three kites. How many cows are left on the farm?'), row('b', 'Short two?')];
    expect(findContamination(train, others)).toEqual([]);
    expect(findContamination([], [row('a', LONG)])).toEqual([]);
  });

  it('takes a threshold and a length of sequences', () => {
    const retold = [row('h', LONG.replace('on Monday', 'on Friday'))];
    expect(findContamination(train, retold, { threshold: 0.95 })).toEqual([]);
    expect(findContamination(train, retold, { threshold: 0.5 }).length).toBe(1);
    expect(findContamination(train, [row('b', 'Short two?')], { words: 1, threshold: 0.5 }).length).toBe(1);
  });
});
