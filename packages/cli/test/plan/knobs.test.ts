import { describe, expect, it } from 'vitest';
import { chooseKnobs } from '../../src/plan/knobs.ts';

const knob = (name: string, savedBytes: number, extraWork: number) => ({ name, savedBytes, extraWork });
const namesOf = (knobs: readonly { readonly name: string }[]): string[] => knobs.map(({ name }) => name);

describe('chooseKnobs', () => {
  const dear = knob('dear', 100, 0.33);
  const free = [knob('small', 1, 0), knob('middle', 2, 0.01), knob('large', 3, 0)];

  it('takes the cheapest, of equals those that save most', () => {
    expect(namesOf(chooseKnobs([...free, knob('costly', 3, 0.3)], 3))).toEqual(['large', 'middle', 'small']);
  });

  it('always has the one that saves most of all', () => {
    expect(namesOf(chooseKnobs([dear, ...free], 3))).toEqual(['large', 'middle', 'dear']);
    expect(namesOf(chooseKnobs([dear], 3))).toEqual(['dear']);
    expect(chooseKnobs([], 3)).toEqual([]);
  });
});
