import { describe, expect, it } from 'vitest';
import type { Example } from '../../src/data/example.ts';
import { assertDisjoint, cutDev } from '../../src/data/splits.ts';

const examples: Example[] = Array.from({ length: 100 }, (_, i) => ({
  id: `r${i}`,
  prompt: `Question ${i}`,
  answer: '1',
}));

describe('cutDev', () => {
  it('cuts the fraction asked for, the same at every call, another with another seed', () => {
    const { train, dev } = cutDev(examples, 0.1, 1);
    expect([train.length, dev.length]).toEqual([90, 10]);
    expect(cutDev(examples, 0.1, 1)).toEqual({ train, dev });
    expect(cutDev(examples, 0.1, 2).dev).not.toEqual(dev);
  });

  it('keeps rows with the same prompt on one side', () => {
    const twins = examples.map((example) => ({
      ...example,
      id: `${example.id}b`,
      prompt: `  QUESTION\n${example.prompt.slice(9)} `,
    }));
    const { train, dev } = cutDev([...examples, ...twins], 0.3, 1);
    expect([train.length, dev.length]).toEqual([140, 60]);
    expect(() => assertDisjoint({ train, dev })).not.toThrow();
  });

  it('does not depend on the order of the rows', () => {
    const ids = (list: readonly Example[]): string[] => list.map(({ id }) => id).sort();
    expect(ids(cutDev(examples.toReversed(), 0.1, 1).dev)).toEqual(ids(cutDev(examples, 0.1, 1).dev));
  });
});

describe('assertDisjoint', () => {
  it('names the two rows of a leak, whatever their case and white space', () => {
    const leak = [{ id: 't7', prompt: 'question  7', answer: '1' }];
    expect(() => assertDisjoint({ train: examples, dev: [], test: leak })).toThrow(
      /no prompt in two splits, got row t7 of test with the prompt of row r7 of train/,
    );
  });
});
