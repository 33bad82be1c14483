import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { memoryFiles } from '../../src/io/memory-files.ts';
import { readSideFiles } from '../../src/io/side-files.ts';
import { loadTokenizer, type Tokenizer } from '../../src/tokenizer/tokenizer.ts';
import { makeWordLevelTokenizer, type WordLevelOptions } from '../../src/tokenizer/word-level.ts';

const OPTIONS: WordLevelOptions = {
  // Names of integers and of the prototype are the ones that a plain object would lose or move.
  words: ['7', '3', '+', 'goal', '__proto__', 'constructor', 'the vocabulary goes here'.replaceAll(' ', '_'), '$&'],
  specialTokens: ['<pad>', '<bos>', '<eos>', '<check>'],
  bosToken: '<bos>',
  eosToken: '<eos>',
  padToken: '<pad>',
};

async function make(options: WordLevelOptions): Promise<Tokenizer> {
  return loadTokenizer(memoryFiles('task', makeWordLevelTokenizer(options)));
}

describe('makeWordLevelTokenizer', () => {
  it('numbers special tokens first, then the words, in the order given', async () => {
    const tokenizer = await make(OPTIONS);
    const all = [...OPTIONS.specialTokens, ...OPTIONS.words];
    expect(all.map((token) => tokenizer.idOf(token))).toEqual(all.map((_, i) => i));
    expect(tokenizer).toMatchObject({ vocabSize: all.length, bosId: 1, eosIds: [2], padId: 0 });
  });

  it('round-trips any sequence of words through text', async () => {
    const tokenizer = await make(OPTIONS);
    const id = fc.nat(tokenizer.vocabSize - 1);
    fc.assert(
      fc.property(fc.array(id, { maxLength: 20 }), (ids) => {
        const text = tokenizer.decode(ids);
        expect(text).toBe(ids.map((each) => tokenizer.tokenOf(each)).join(' '));
        expect(tokenizer.encode(text)).toEqual(ids);
        expect(tokenizer.pieces(ids).join('')).toBe(text);
      }),
      { numRuns: 100 },
    );
  });

  it('splits at any white space and finds special tokens without spaces', async () => {
    const tokenizer = await make(OPTIONS);
    expect(tokenizer.encode('<bos>7\n +\t3<eos>')).toEqual([1, 4, 6, 5, 2]);
    expect(tokenizer.decode([1, 4, 6, 5, 2], { skipSpecialTokens: true })).toBe('7 + 3');
  });

  it('refuses unknown words unless there is a token for them', async () => {
    const strict = await make(OPTIONS);
    expect(() => strict.encode('7 plus 3')).toThrow('encode: expected text within the vocabulary');
    expect(() => strict.encode('7 plus 3')).toThrow('"plus"');
    const lenient = await make({ ...OPTIONS, specialTokens: ['<unk>', '<bos>', '<eos>', '<pad>'], unkToken: '<unk>' });
    expect(lenient.encode('7 plus 3')).toEqual([4, 0, 5]);
  });

  it('gives equal bytes for equal options, and files that can be copied', async () => {
    const files = makeWordLevelTokenizer(OPTIONS);
    expect(makeWordLevelTokenizer(OPTIONS)).toEqual(files);
    expect(await readSideFiles(memoryFiles('task', files))).toEqual(files);
  });

  it.each([
    ['a word with a space', { ...OPTIONS, words: ['a b'] }, 'without white space'],
    ['an empty word', { ...OPTIONS, words: [''] }, 'without white space'],
    ['a repeated word', { ...OPTIONS, words: ['a', 'a'] }, 'each word once'],
    ['a word that is special', { ...OPTIONS, words: ['<eos>'] }, 'each word once'],
    ['a role for an ordinary word', { ...OPTIONS, eosToken: '7' }, 'eosToken among the special tokens'],
  ])('refuses %s', (_, options, part) => {
    expect(() => makeWordLevelTokenizer(options)).toThrow(part);
  });
});
