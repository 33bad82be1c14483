import { describe, expect, it } from 'vitest';
import { digitOf, ruleOf, TOKEN, VOCAB_SIZE, wordsOf } from '../../../src/task/inverse-rules/vocabulary.ts';

describe('the vocabulary', () => {
  it('holds 68 different words in the documented order, special words first', () => {
    const words = wordsOf(Array.from({ length: VOCAB_SIZE }, (_, id) => id));
    expect(VOCAB_SIZE).toBe(68);
    expect(new Set(words).size).toBe(68);
    expect(words.slice(0, 19).join(' ')).toBe(
      '<pad> <eos> <q> <think> </think> <answer> </answer> <review> 0 1 2 3 4 5 6 7 8 9 f0',
    );
    expect(words.slice(57).join(' ')).toBe('f39 = ; : . so then thus hence ok no');
  });

  it('tells digits and rules from other words and shows unknown ids', () => {
    expect(ruleOf(TOKEN.firstRule + 39)).toBe(39);
    expect(ruleOf(TOKEN.equals)).toBeUndefined();
    expect(digitOf(TOKEN.firstDigit + 9)).toBe(9);
    expect(digitOf(TOKEN.firstDigit + 10)).toBeUndefined();
    expect(digitOf(undefined)).toBeUndefined();
    expect(wordsOf([TOKEN.firstDigit + 1, TOKEN.equals, 99])).toEqual(['1', '=', '<99>']);
  });
});
