import { describe, expect, it } from 'vitest';
import { collectExamples } from '../../src/data/collect-examples.ts';
import { DATASETS, type DatasetName } from '../../src/data/datasets.ts';
import { canonicalTarget } from '../../src/data/example.ts';
import { CHECKERS } from '../../src/verify/checkers.ts';

const load = (name: DatasetName, ...rows: readonly object[]) =>
  collectExamples(
    name,
    rows.map((row) => JSON.stringify(row)),
    'f',
    { needsTarget: false },
  );

describe('DATASETS', () => {
  it('has the names of the specification', () => {
    expect(Object.keys(DATASETS)).toEqual([
      ...['gsm8k', 'gsm8k_kd', 'medical', 'medical_kd', 'mmlu', 'mmlu_kd', 'science', 'science_kd'],
      ...['aime_train', 'aime_train_kd', 'aime_2024', 'aime_2025', 'countdown', 'countdown_kd', 'jsonl'],
    ]);
  });

  it('asks for thinking and answer tags wherever it instructs', () => {
    for (const [name, { system }] of Object.entries<{ system?: string }>(DATASETS)) {
      if (name === 'jsonl') continue;
      expect(system, name).toContain('<think> </think> <answer> </answer>');
    }
  });
});

describe('AIME rows', () => {
  it('compare as integers: "025" is 25', () => {
    const { examples } = load('aime_2025', { problem: 'P?', answer: '025' }, { question: 'Q?', answer: 70 });
    expect(examples.map(({ prompt, answer }) => [prompt, answer])).toEqual([
      ['P?', '25'],
      ['Q?', '70'],
    ]);
    for (const answer of ['025', '25', '25.0', '\\boxed{25}']) {
      expect(CHECKERS.numeric(canonicalTarget('r', answer), '25').outcome).toBe('correct');
    }
  });

  it.each([['1000'], ['-1'], ['2.5'], ['x']])('refuse the answer %j', (answer) => {
    expect(() => load('aime_2024', { problem: 'P?', answer })).toThrow(
      /f:1: expected an integer of 0 to 999 in "answer"/,
    );
  });

  it('of NuminaMath: other sources and multiple choice are no part of the set; solutions are targets', () => {
    const { examples, skipped, rows } = load(
      'aime_train',
      { source: 'amc_aime', problem: 'P?', solution: 'Adding, $\\boxed{025}$.' },
      { source: 'olympiads', problem: 'Q?', solution: '\\boxed{5}' },
      { source: 'amc_aime', problem: 'R?', solution: 'So \\boxed{\\textbf{(B)}\\ 6}' },
      { problem: 'S?', answer: '7', solution: '7' },
    );
    expect([rows, skipped]).toEqual([4, 2]);
    expect(examples.map(({ prompt, answer, target }) => [prompt, answer, target])).toEqual([
      ['P?', '25', canonicalTarget('Adding, $\\boxed{025}$.', '25')],
      ['S?', '7', undefined],
    ]);
  });

  it('are an error where none belongs to the set', () => {
    expect(() => load('aime_train', { source: 'olympiads', problem: 'Q?', solution: '\\boxed{5}' })).toThrow(
      /f: expected at least one row, got 1 rows, none of this data set/,
    );
  });
});

describe('countdown rows', () => {
  const row = { question: 'Make 99.', reward_model: { nums: [41, 82, 24], target: 99 } };

  it('hold numbers and target as the gold answer, and verify their expert', () => {
    const { examples } = load('countdown', { ...row, target: '82 and 41 make 123.', answer: '82 + 41 - 24' });
    const [example] = examples;
    expect(example).toMatchObject({
      answer: '{"nums":[41,82,24],"target":99}',
      target: canonicalTarget('82 and 41 make 123.', '82 + 41 - 24'),
    });
    expect(CHECKERS.countdown(example?.target ?? '', example?.answer ?? '').outcome).toBe('correct');
  });

  it('take the numbers as JSON text too, and need no expert', () => {
    const [example] = load('countdown', { ...row, reward_model: JSON.stringify(row.reward_model) }).examples;
    expect([example?.answer, example?.target]).toEqual(['{"nums":[41,82,24],"target":99}', undefined]);
  });

  it.each([
    [{ reward_model: undefined }, /whole numbers \{nums, target\} in "reward_model", got nothing/],
    [{ reward_model: { nums: ['1'], target: 1 } }, /whole numbers/],
    [{ reward_model: '{' }, /whole numbers/],
    [{ target: 'r', answer: '' }, /text in "answer", got an empty text/],
    [{ target: 'r', answer: 'a\n<answer> 5' }, /an expression in "answer"/],
    [{ target: 'r' }, /a field "answer"/],
  ])('refuse %j', (change, message) => {
    expect(() => load('countdown', { ...row, ...change })).toThrow(message);
  });
});
