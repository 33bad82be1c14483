import { ToolError } from '@dawngrad/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readRows } from '../src/collect-rows.ts';
import { type EvalRow, formatRow, isCorrect, parseRow } from '../src/row.ts';
import { row } from './rows.ts';

const source = { file: 'rows.jsonl', line: 7 };

function faultOf(read: () => unknown): ToolError {
  try {
    read();
  } catch (error) {
    if (error instanceof ToolError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a row', () => {
  it('survives writing and reading, whatever its values', () => {
    const rows = fc
      .record({
        text: fc.string(),
        ids: fc.array(fc.nat(99_999), { minLength: 1, maxLength: 20 }),
        answer: fc.option(fc.string()),
        value: fc.double({ noNaN: true, noDefaultInfinity: true }).map((v) => v + 0),
      })
      .map(({ text, ids, answer, value }) =>
        row({
          generation: { content: text },
          completion_ids: ids,
          marks: [ids.length - 1],
          answer,
          reward_model_score: ids.map(() => value),
          policy_log_probs: null,
        }),
      );
    fc.assert(
      fc.property(rows, (one) => {
        expect(parseRow(formatRow(one), source)).toEqual(one);
      }),
    );
  });

  it('holds a non-finite score as null in the file and as NaN in memory', () => {
    const line = formatRow(row({ reward_model_score: [1, Number.NaN, Number.NEGATIVE_INFINITY] }));
    expect(line).toContain('"reward_model_score":[1,null,null]');
    expect(parseRow(line, source).reward_model_score).toEqual([1, Number.NaN, Number.NaN]);
  });

  it('is correct by the sign of the checker, so that scales 1 and 2 agree (D19)', () => {
    expect([0, 1, 2].map((value) => isCorrect(row({ correctness_reward_func: value })))).toEqual([false, true, true]);
  });

  it('keeps the other programmatic rewards', () => {
    expect(parseRow(formatRow(row({ xmlcount_reward_func: 0.5 })), source).xmlcount_reward_func).toBe(0.5);
  });

  it('names file and line when the JSON is malformed', () => {
    const fault = faultOf(() => parseRow('{"schema":1,', source));
    expect(fault.code).toBe('corrupt');
    expect(fault.message).toContain('rows.jsonl:7');
  });

  it('reports all faults of a line at once', () => {
    const { gold: _, ...rest } = row({ generation_idx: -1, reward_model_score: [1] });
    const fault = faultOf(() => parseRow(JSON.stringify({ ...rest, rewards: 3 }), source));
    expect(fault.code).toBe('config');
    expect(fault.message).toContain('rows.jsonl:7');
    for (const part of ['gold: missing', 'generation_idx: not', '1 values for 3 tokens', 'rewards: unknown field']) {
      expect(fault.message).toContain(part);
    }
  });

  it.each<[string, Partial<Record<keyof EvalRow, unknown>>]>([
    ['another schema', { schema: 2 }],
    ['marks out of order', { marks: [2, 1] }],
    ['a mark past the end', { marks: [3] }],
    ['a forced position past the end', { forced: [9] }],
    ['a score for padding', { policy_log_probs: [0, 0, 0, 0] }],
    ['a score that is text', { reward_model_score: ['1', 2, 3] }],
    ['a verdict that is text', { correctness_reward_func: '2' }],
    ['fractional token ids', { completion_ids: [1.5, 2, 3] }],
    ['a prompt that is one string', { prompt: 'How many?' }],
    ['an empty prompt id', { prompt_id: '' }],
  ])('is refused with %s', (_, wrong) => {
    expect(faultOf(() => parseRow(JSON.stringify({ ...row(), ...wrong }), source)).code).toBe('config');
  });

  it('is never written when it could not be read back', () => {
    expect(faultOf(() => formatRow(row({ marks: [5] }))).message).toContain('marks');
    expect(faultOf(() => formatRow(row({ correctness_reward_func: Number.NaN }))).message).toContain('correctness');
  });
});

describe('reading rows', () => {
  it('takes a byte order mark and a blank end', async () => {
    const lines = [`\uFEFF${formatRow(row())}`, formatRow(row({ generation_idx: 1 })), ''];
    expect((await readRows(lines, 'rows.jsonl')).map((one) => one.generation_idx)).toEqual([0, 1]);
  });

  it('names the blank line in the middle of a file', async () => {
    await expect(readRows([formatRow(row()), '', formatRow(row())], 'rows.jsonl')).rejects.toThrow('rows.jsonl:2');
  });

  it('refuses an empty file', async () => {
    await expect(readRows([''], 'rows.jsonl')).rejects.toThrow('rows.jsonl: expected at least one');
  });
});
