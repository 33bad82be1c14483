import { describe, expect, it } from 'vitest';
import { processRow, solutionText } from '../../src/data/process-bench.ts';

const fields = { problem: 'P?', steps: ['one', 'two'], label: 1, final_answer_correct: false, generator: 'm' };
const row = (change: object) => ({ file: 'p.json', number: 3, fields: { ...fields, ...change } });

describe('processRow', () => {
  it('reads the first wrong step, and none from -1', () => {
    expect(processRow(row({}))).toEqual({
      id: 'p.json:3',
      problem: 'P?',
      steps: ['one', 'two'],
      firstError: 1,
      isAnswerCorrect: false,
      generator: 'm',
    });
    expect(processRow(row({ id: 'x', label: -1 }))).toMatchObject({ id: 'x', firstError: null });
  });

  it.each([
    [{ label: 2 }, /p\.json:3: expected a label of -1 to 1, got 2/],
    [{ label: undefined }, /a label of -1 to 1, got undefined/],
    [{ steps: [] }, /steps in "steps"/],
    [{ steps: ['a', ''] }, /a text in entry 2 of "steps"/],
    [{ final_answer_correct: 1 }, /true or false in "final_answer_correct", got number/],
  ])('refuses %j', (change, message) => {
    expect(() => processRow(row(change))).toThrow(message);
  });
});

describe('solutionText', () => {
  it('joins steps by a blank line and says where each ends', () => {
    expect(solutionText({ steps: ['one', 'two'] })).toEqual({ text: 'one\n\ntwo', ends: [5, 8] });
  });
});
