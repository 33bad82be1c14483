import { expect, test } from 'vitest';
import { cases, selectCases } from '../src/cases.ts';

test('no two cases share a name, so rows of two runs can be matched', () => {
  const names = cases.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test('words are found anywhere in a name, in any case of letters', () => {
  const chosen = selectCases(['MATMUL nn', 'softmax']).map(({ name }) => name);
  expect(chosen).toContain('matmul NN 512x512x512');
  expect(chosen.every((name) => /matmul NN|softmax/.test(name))).toBe(true);
});

test('a word that no name holds selects nothing', () => {
  expect(selectCases(['no such case'])).toEqual([]);
});
