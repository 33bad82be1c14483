import { describe, expect, it } from 'vitest';
import { collectExamples } from '../../src/data/collect-examples.ts';
import type { DatasetName } from '../../src/data/datasets.ts';
import { canonicalTarget } from '../../src/data/example.ts';
import { matchOption } from '../../src/data/match-option.ts';
import { CHECKERS } from '../../src/verify/checkers.ts';

const one = (name: DatasetName, fields: object) =>
  collectExamples(name, [JSON.stringify(fields)], 'rows.jsonl', { needsTarget: false }).examples[0]!;

const OPTIONS = { A: 'Iron deficiency', B: 'B-12 deficiency', C: 'Folate deficiency', D: 'Thalassemia' };

describe('medical rows', () => {
  it('of MedQA: options behind the question, "LETTER. text" as gold', () => {
    const example = one('medical', {
      question: 'What is it?',
      options: OPTIONS,
      answer: 'Thalassemia',
      answer_idx: 'D',
    });
    expect(example).toMatchObject({
      prompt: 'What is it?\nA. Iron deficiency\nB. B-12 deficiency\nC. Folate deficiency\nD. Thalassemia',
      answer: 'D. Thalassemia',
      options: OPTIONS,
    });
    expect(example.system).toMatch(/medical expert.*under 500 words.*<LETTER>\. <ANSWER_TEXT>.*A to D/s);
    expect(example.target).toBeUndefined();
  });

  it('of MedReason: options as lines, an explanation behind the answer, reasoning as target', () => {
    const example = one('medical_kd', {
      question: 'What is it?',
      options: 'Answer Choices:\nA. Iron deficiency\nB. B-12 deficiency\nC. Folate deficiency\nD. Thalassemia',
      answer: 'Folate deficiency. Explanation: it is low.',
      reasoning: 'Folate is low.',
    });
    expect(example.answer).toBe('C. Folate deficiency');
    expect(example.target).toBe(canonicalTarget('Folate is low.', 'C. Folate deficiency'));
  });

  it('of other parts of MedReason do not belong to the set', () => {
    const row = { question: 'Is it?', options: 'A. yes\nB. no', answer: 'yes.', reasoning: 'r' };
    const lines = ['pubmedqa', 'medqa', 'MedMCQA'].map((dataset_name) => JSON.stringify({ ...row, dataset_name }));
    const { examples, skipped } = collectExamples('medical_kd', lines, 'f');
    expect([examples.length, skipped]).toEqual([2, 1]);
  });

  const stored = {
    question: 'What is it?\nA. Iron deficiency\nB. B-12 deficiency\nC. Folate deficiency\nD. Thalassemia',
    answer: 'A. Iron deficiency',
    reasoning: 'Iron is low.',
    corrupted_reasonings: ['No B-12.', 'No folate.', 'It runs in the family.'],
    corrupted_answers: ['B. B-12 deficiency', 'folate  deficiency', 'D'],
  };

  it('D8: keep all n stored wrong traces, in the form of the answers', () => {
    const example = one('medical_kd', stored);
    expect(example.prompt).toBe(stored.question);
    expect(example.corruptedTargets).toEqual([
      canonicalTarget('No B-12.', 'B. B-12 deficiency'),
      canonicalTarget('No folate.', 'C. Folate deficiency'),
      canonicalTarget('It runs in the family.', 'D. Thalassemia'),
    ]);
    for (const target of example.corruptedTargets ?? []) {
      expect(CHECKERS.choice(target, example.answer, example.options).outcome).toBe('wrong');
    }
    expect(CHECKERS.choice(example.target ?? '', example.answer, example.options).outcome).toBe('correct');
  });

  it.each([
    [{ corrupted_answers: ['B', 'C'] }, /as many corrupted_reasonings as corrupted_answers, got 3 and 2/],
    [{ corrupted_answers: ['B', 'C', 'A'] }, /another option than the gold one in corrupted_answers, entry 3, got "A"/],
    [{ corrupted_answers: ['B', 'C', 'no option'] }, /entry 3, got "no option"/],
    [{ corrupted_reasonings: ['a', 5, 'b'] }, /a text in entry 2 of "corrupted_reasonings", got 5/],
    [{ answer: 'Anemia of another kind' }, /an answer that is one of the options ABCD, got "Anemia of another kind"/],
    [{ question: 'What is it?' }, /options A, B, \.\.\. in "options" or in the lines of "question", got none/],
    [{ options: ['one'] }, /two to ten options A to J in "options"/],
    [{ options: { A: 'x', Z: 'y' } }, /two to ten options A to J in "options"/],
  ])('refuse %j', (change, message) => {
    expect(() => one('medical_kd', { ...stored, ...change })).toThrow(message);
  });

  it('need reasoning under the name of a set with traces', () => {
    const lines = [JSON.stringify({ ...stored, reasoning: null })];
    expect(() => collectExamples('medical_kd', lines, 'f')).toThrow(/f:1: expected an expert's reasoning, got none/);
    expect(collectExamples('medical', lines, 'f').examples.length).toBe(1);
  });
});

describe('MMLU-Pro rows', () => {
  it('have the text of the gold option as the answer, and a newline behind the options', () => {
    const example = one('mmlu', {
      question: 'Which?',
      options: ['red', 'green', 'blue'],
      answer: 'C',
      answer_index: 2,
      category: 'art',
      cot_content: '',
    });
    expect(example).toMatchObject({
      prompt: 'Which?\nA. red\nB. green\nC. blue\n',
      answer: 'blue',
      options: { A: 'red', B: 'green', C: 'blue' },
      category: 'art',
    });
    expect(example.system).toMatch(/text of one of the options only, without its letter\.$/);
    // The contract asks for the text; the letter names the same option.
    for (const answer of ['blue', 'C', 'C. blue', '(C)']) {
      const completion = canonicalTarget('r', answer);
      expect(CHECKERS.choice(completion, example.answer, example.options).outcome).toBe('correct');
    }
    expect(CHECKERS.choice(canonicalTarget('r', 'B'), example.answer, example.options).outcome).toBe('wrong');
  });

  it('take an index where there is no letter', () => {
    expect(one('mmlu', { question: 'Which?', options: ['red', 'green'], answer_index: 1 }).answer).toBe('green');
  });
});

describe('matchOption', () => {
  it.each([
    ['Iron deficiency', 'A'],
    ['iron   deficiency.', 'A'],
    ['b', 'B'],
    ['(C)', 'C'],
    ['D. Thalassemia', 'D'],
    ['A. Thalassemia', undefined],
    ['B-12 deficiency', 'B'],
    ['probably folate deficiency, I think', 'C'],
    ['Thalasemia', 'D'],
    ['deficiency', undefined],
    ['E', undefined],
    ['', undefined],
  ])('of %j is %j', (answer, letter) => {
    expect(matchOption(answer, OPTIONS)).toBe(letter);
  });
});
