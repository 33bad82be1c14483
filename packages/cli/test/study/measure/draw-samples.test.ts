import { createInverseRulesTask, policyRecord } from '@dawngrad/airl';
import { describe, expect, it } from 'vitest';
import { sampleLine } from '../../../src/study/measure/draw-samples.ts';
import type { SampleLine } from '../../../src/study/measure/trace-line.ts';
import { completionText, idsOf, rightLines, solution } from './chain-text.ts';

const sizes = { demonstrations: 10, dev: 5, test: 40 };
const tool = createInverseRulesTask({ seed: 3, setting: 'tool', ...sizes });
const open = createInverseRulesTask({ seed: 3, setting: 'open', ...sizes });
/** A question with three rules. */
const prompt = tool.test.find(({ promptIds }) => rightLines(tool, { promptIds } as never).length === 3)!;

/** The line of a completion whose tokens have log-probabilities -1, -2, -3, ... */
function lineOf(task: typeof tool, text: string): SampleLine {
  const ids = idsOf(text);
  const record = policyRecord(task, prompt, ids, { granularity: 'sparse' }, { round: 0, index: 0 });
  record.logp = Float32Array.from(ids, (_, t) => (record.forced[t] === 1 ? 0 : -(t + 1)));
  return sampleLine(task, record, 4, 2);
}

describe('sampleLine', () => {
  it('keeps the verdict, the place and the form of a right sample', () => {
    const line = lineOf(tool, solution(tool, prompt));
    expect(line).toMatchObject({ p: 4, g: 2, error: null, correct: true, answer: prompt.gold, fudged: 0 });
    expect(line.wellFormed).toBe(true);
    expect(line.ids).toEqual([...idsOf(solution(tool, prompt))]);
  });

  it("leaves the tool's tokens out of the log-probability, and gives them that of the token before in a line's mean", () => {
    const text = solution(tool, prompt);
    const all = (29 * 30) / 2;
    const written = lineOf(open, text);
    expect([written.logp, written.own]).toEqual([-all, 29]);
    expect(written.logps).toEqual([-4.5, -12.5, -20.5, -27]);
    const aided = lineOf(tool, text);
    // Tokens 7, 15 and 23 are the tool's.
    expect([aided.logp, aided.own]).toEqual([-all + 7 + 15 + 23, 26]);
    expect(aided.logps).toEqual([-(36 - 1) / 8, -(100 - 1) / 8, -(164 - 1) / 8, -27]);
  });

  it('finds the first wrong line, and a wrong answer behind right lines', () => {
    for (const wrong of [0, 1, 2]) expect(lineOf(tool, solution(tool, prompt, wrong)).error).toBe(wrong);
    const lines = rightLines(tool, prompt);
    const other = (Number(prompt.gold) + 1) % 10;
    expect(lineOf(tool, completionText(lines, other))).toMatchObject({ error: 3, correct: false, wellFormed: true });
  });

  it('counts fudged lines', () => {
    const [first, second, third] = rightLines(tool, prompt) as [never, never, never];
    const fudge = (line: { guess: number }): never => ({ ...line, guess: (line.guess + 1) % 10 }) as never;
    const text = completionText([first, fudge(second), fudge(third)], 0);
    expect(lineOf(open, text)).toMatchObject({ fudged: 2, error: 1, wellFormed: true });
  });

  it('tells text that breaks the grammar, or has another number of lines than rules', () => {
    const words = solution(tool, prompt).split(' ');
    const without = (from: number, count: number): SampleLine => lineOf(tool, words.toSpliced(from, count).join(' '));
    // A `;`, a whole line, the end token.
    expect(without(7, 1)).toMatchObject({ wellFormed: false, error: 0 });
    expect(without(8, 8)).toMatchObject({ wellFormed: false, error: 1, correct: true });
    expect(without(28, 1)).toMatchObject({ wellFormed: false, error: 3 });
    expect(lineOf(tool, 'so')).toMatchObject({ wellFormed: false, error: 0, correct: false, answer: null });
    expect(lineOf(tool, words.slice(0, 24).join(' '))).toMatchObject({ wellFormed: false, error: 2 });
  });
});
