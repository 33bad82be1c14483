import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { collectExamples } from '../../src/data/collect-examples.ts';
import { type Example, parseCanonicalTarget } from '../../src/data/example.ts';
import { removeCalculatorMarks } from '../../src/data/gsm8k.ts';
import { readLines } from '../../src/node/read-lines.ts';
import { CHECKERS } from '../../src/verify/checkers.ts';

const loadGsm8k = (lines: Iterable<string>, file: string): readonly Example[] =>
  collectExamples('gsm8k', lines, file).examples;
const row = (question: unknown, answer: unknown): string => JSON.stringify({ question, answer });

describe('rows of GSM8K', () => {
  it('makes prompt, canonical target and gold number of a published row', () => {
    const line = row(
      'How many clips?',
      'May: 48/2 = <<48/2=24>>24 clips.\nAll: 48+24 = <<48+24=72>>72 clips.\n#### 1,072',
    );
    expect(loadGsm8k([line], 'train.jsonl')).toEqual([
      {
        id: 'train.jsonl:1',
        system: 'Think first, then answer, inside <think> </think> <answer> </answer>.',
        prompt: 'How many clips?',
        target: '<think>\nMay: 48/2 = 24 clips.\nAll: 48+24 = 72 clips.\n</think>\n<answer>\n1072\n</answer>',
        answer: '1072',
      },
    ]);
  });

  it.each([
    ['malformed JSON', '{"question": "a"', /train\.jsonl:2: expected a JSON object, got malformed JSON/],
    ['an array', '[1]', /train\.jsonl:2: expected a JSON object, got an array/],
    [
      'a missing question',
      '{"answer": "x\\n#### 1"}',
      /train\.jsonl:2: expected a field "question", got fields answer/,
    ],
    ['a missing answer', '{"question": "a"}', /train\.jsonl:2: expected a field "answer", got fields question/],
    ['an empty question', row('  ', 'x\n#### 1'), /train\.jsonl:2: expected text in "question", got an empty text/],
    ['a question that is no text', row(['a'], 'x\n#### 1'), /train\.jsonl:2: expected text in "question", got object/],
    ['no final answer', row('a', 'x'), /train\.jsonl:2: expected a last line "#### number"/],
    [
      'a final answer that is no number',
      row('a', 'x\n#### many'),
      /train\.jsonl:2: expected a last line "#### number"/,
    ],
    ['no solution', row('a', '#### 5'), /train\.jsonl:2: expected a solution before "####"/],
    ['an over-long line', `"${'x'.repeat(4 * 1024 * 1024)}"`, /train\.jsonl:2: expected a line of at most 4194304/],
  ])('names file and line of %s', (_, line, message) => {
    expect(() => loadGsm8k([row('ok', 'x\n#### 1'), line], 'train.jsonl')).toThrow(message);
  });

  it('refuses a file without rows', () => {
    expect(() => loadGsm8k([], 'train.jsonl')).toThrow(/train\.jsonl: expected at least one row, got an empty file/);
    expect(() => loadGsm8k(['', '  '], 'train.jsonl')).toThrow(/empty file/);
  });

  it('tells the places of all bad rows in one message, and leaves such rows out when told so', () => {
    const lines = [
      row('ok', 'x\n#### 1'),
      '{',
      row('b', 'none'),
      row('c', 'y\n#### 2'),
      ...Array<string>(6).fill('[]'),
    ];
    expect(() => loadGsm8k(lines, 'train.jsonl')).toThrow(
      /train\.jsonl:2: expected a JSON object, got malformed JSON .*; 8 of 10 rows cannot be used, also 3, 5, 6, 7 and 3 more\. Hint: .*data\.bad_rows=drop/,
    );
    const { examples, dropped, rows, faults } = collectExamples('gsm8k', lines, 'f', { badRows: 'drop' });
    expect([examples.length, dropped, rows, faults.length]).toEqual([2, 8, 10, 5]);
    expect(() => collectExamples('gsm8k', ['{'], 'f', { badRows: 'drop' })).toThrow(/f:1: expected a JSON object/);
  });

  it('stops at the number of rows asked for', () => {
    const lines = [row('a', 'x\n#### 1'), '', row('b', 'x\n#### 1'), '{'];
    expect(collectExamples('gsm8k', lines, 'f', { maxRows: 2 }).examples.length).toBe(2);
  });

  it('passes over a byte-order mark and blank lines, and counts them as lines', () => {
    const examples = loadGsm8k([`\uFEFF${row('a', 'x\n#### 1')}`, '', row('b', 'y\n#### 2')], 'f');
    expect(examples.map(({ id }) => id)).toEqual(['f:1', 'f:3']);
  });
});

describe('rows of distilled GSM8K', () => {
  const distilled = (answer: string): readonly Example[] =>
    collectExamples('gsm8k_kd', [row('Q?', answer)], 'kd.jsonl').examples;

  it('take the think block and the last box behind it', () => {
    const [example] = distilled('<think>\n6 * 12, not \\boxed{71}.\n</think>\nIt is \\boxed{1,072}.');
    expect(example).toMatchObject({
      prompt: 'Q?',
      answer: '1072',
      target: '<think>\n6 * 12, not \\boxed{71}.\n</think>\n<answer>\n1072\n</answer>',
    });
  });

  it.each([
    ['\\boxed{5}', /kd\.jsonl:1: expected a <think> block in "answer", got none/],
    ['<think> </think>\\boxed{5}', /expected a <think> block in "answer", got an empty one/],
    ['<think>a</think> 5', /expected \\boxed\{number\} behind the think block in "answer", got no box/],
    ['<think>a</think> \\boxed{five}', /got five/],
  ])('refuse %j', (answer, message) => {
    expect(() => distilled(answer)).toThrow(message);
  });
});

describe('removeCalculatorMarks', () => {
  it.each([
    ['a <<1+1=2>>2', 'a 2'],
    ['<<a>><<b>>c', 'c'],
    ['a << b', 'a << b'],
    ['a >> b', 'a >> b'],
    ['<<<<x>>>>', '>>'],
    ['', ''],
  ])('of %j is %j', (text, expected) => {
    expect(removeCalculatorMarks(text)).toBe(expected);
  });
});

const train = fileURLToPath(new URL('../../../../../shared/data/gsm8k/train.jsonl', import.meta.url));

describe.skipIf(!existsSync(train))('the published GSM8K train file', () => {
  it('loads in full, and every target is canonical and passes its own checker', () => {
    const examples = loadGsm8k(readLines(train), 'train.jsonl');
    expect(examples.length).toBe(7473);
    for (const { target, answer, id } of examples) {
      const parts = parseCanonicalTarget(target ?? '');
      expect(parts?.answer, id).toBe(answer);
      expect(parts?.reasoning.includes('<<'), id).toBe(false);
      expect(CHECKERS.numeric(target ?? '', answer).outcome, id).toBe('correct');
    }
  });
});
