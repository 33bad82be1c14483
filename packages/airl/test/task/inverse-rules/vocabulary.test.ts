import { describe, expect, it } from 'vitest';
import { ruleOf, SPECIAL_WORDS, TOKEN, WORDS, wordsOf } from '../../../src/task/inverse-rules/vocabulary.ts';

describe('the vocabulary', () => {
  it('holds 68 different words in the documented order', () => {
    expect(WORDS.length).toBe(68);
    expect(new Set(WORDS).size).toBe(68);
    expect(WORDS.slice(0, 11).join(' ')).toBe('0 1 2 3 4 5 6 7 8 9 f0');
    expect(WORDS.slice(49).join(' ')).toBe(
      'f39 = ; : <q> <think> </think> <answer> </answer> . so then thus hence <review> ok no <eos> <pad>',
    );
  });

  it('names its special words', () => {
    expect(SPECIAL_WORDS).toEqual([
      ...['<q>', '<think>', '</think>', '<answer>', '</answer>', '<review>', '<eos>', '<pad>'],
    ]);
  });

  it('tells rules from other words and shows unknown ids', () => {
    expect(ruleOf(TOKEN.firstRule + 39)).toBe(39);
    expect(ruleOf(TOKEN.equals)).toBeUndefined();
    expect(wordsOf([1, TOKEN.equals, 99])).toEqual(['1', '=', '<99>']);
  });
});
