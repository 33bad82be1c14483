import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadTokenizer } from '@dawngrad/models';
import { openModelFiles } from '@dawngrad/models/node';
import { describe, expect, it } from 'vitest';
import { collectExamples } from '../../src/data/collect-examples.ts';
import { readLines } from '../../src/node/read-lines.ts';
import { GRANULARITIES, marksOf, marksOfText } from '../../src/segment/marks.ts';

const BREAK = '\n';
const S1 = [
  ...['<think>', BREAK, 'It', ' weighs', ' 3.', '5', ' kg', '.', BREAK, 'So', ' e.g.', ' 7', '!'],
  ...['</think>', BREAK, '<answer>', BREAK, '7', BREAK, '</answer>'],
];
const S2 = [
  ...['The', ' answer', ' is', ' no', '.', BREAK, 'We', ' get', ' 12', '.', ' 4', ' more', ';', ' then'],
  ...[BREAK, '1', '.', ' add', ' (ok', ')', BREAK, 'done'],
];
const S3 = ['.', BREAK, '<think>', BREAK, BREAK, 'Hi', '.', ' ', '\n\n'];

function offsetsOf(pieces: readonly string[]): number[] {
  const offsets = [0];
  for (const piece of pieces) offsets.push((offsets.at(-1) as number) + piece.length);
  return offsets;
}

describe('marksOfText', () => {
  it.each([
    ['S1', S1, [7, 12, 13, 19]],
    ['S2', S2, [5, 12, 16, 20, 21]],
    ['S3', S3, [0, 4, 6, 8]],
  ])('%s: gives the marks of the specification from text and offsets', (_, pieces, marks) => {
    expect([...marksOfText('step', pieces.join(''), offsetsOf(pieces))]).toEqual(marks);
  });

  it('agrees with the pieces for every granularity', () => {
    for (const granularity of GRANULARITIES) {
      expect(marksOfText(granularity, S1.join(''), offsetsOf(S1))).toEqual(marksOf(granularity, S1));
    }
  });

  it('takes tokens without text, as in a character cut by token borders', () => {
    expect([...marksOfText('step', 'Café. Ok', [0, 3, 3, 4, 5, 8])]).toEqual([3, 4]);
  });

  it('refuses offsets that do not cover the text', () => {
    expect(() => marksOfText('dense', 'abc', [0, 1, 2])).toThrow(/offsets up to the text's length 3, got 2/);
    expect(() => marksOfText('dense', 'abc', [0, 2, 1, 3])).toThrow(/ascending offsets/);
    expect(() => marksOfText('dense', 'abc', [1, 3])).toThrow(/ascending offsets from 0/);
    expect(() => marksOfText('dense', '', [0])).toThrow(/at least one token/);
  });
});

const tokenizers = fileURLToPath(new URL('../../../../../shared/data/tokenizers/', import.meta.url));
const gsm8k = fileURLToPath(new URL('../../../../../shared/data/gsm8k/test.jsonl', import.meta.url));

describe.skipIf(!existsSync(tokenizers) || !existsSync(gsm8k)).each(['qwen2_5', 'llama3_1'])(
  'with the tokenizer %s',
  (name) => {
    it('marks the ends of the lines of GSM8K solutions, from pieces and from offsets alike', async () => {
      const tokenizer = await loadTokenizer(await openModelFiles(`${tokenizers}${name}`));
      const rows = collectExamples('gsm8k', readLines(gsm8k), 'test.jsonl', { maxRows: 50 }).examples;
      for (const { target } of rows) {
        const text = target as string;
        const ids = tokenizer.encode(text);
        const offsets = tokenizer.charOffsets(ids);
        const marks = marksOf('step', tokenizer.pieces(ids));
        expect(marksOfText('step', text, offsets)).toEqual(marks);
        // Every line that ends in a word and a full stop ends a step at the stop or at its newline.
        const marked = Array.from(marks, (mark) => text.slice(0, offsets[mark + 1]).trimEnd().length);
        for (const { index } of text.matchAll(/[a-z]{5}\.\n/g)) expect(marked).toContain(index + 6);
      }
    });
  },
);
