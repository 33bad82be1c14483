import { describe, expect, it } from 'vitest';
import { groupByPrompt, joinRows } from '../src/prompt-group.ts';
import { promptRows, row } from './rows.ts';

const samples = [{ correct: true }, { correct: false }, { correct: false }];

describe('grouping by prompt id', () => {
  it('gives the same groups for any order of the rows (D28)', () => {
    const rows = [...promptRows('b', samples), ...promptRows('a', samples)];
    expect(groupByPrompt([...rows].reverse())).toEqual(groupByPrompt(rows));
    expect(groupByPrompt(rows).map((group) => group.promptId)).toEqual(['a', 'b']);
  });

  it('refuses a repeated completion', () => {
    expect(() => groupByPrompt([row(), row()])).toThrow('0 twice');
  });

  it('refuses a gap in generation_idx', () => {
    expect(() => groupByPrompt([row(), row({ generation_idx: 2 })])).toThrow('2 but no 1');
  });

  it('refuses two gold answers for one prompt', () => {
    expect(() => groupByPrompt([row(), row({ generation_idx: 1, gold: '5' })])).toThrow('one gold answer');
  });

  it('refuses a prompt with fewer completions than asked for', () => {
    expect(() => groupByPrompt(promptRows('a', samples), 4)).toThrow('expected 4 completions, got 3');
  });

  it('refuses no rows', () => {
    expect(() => groupByPrompt([])).toThrow('at least one row');
  });
});

describe('joining rows', () => {
  const left = [...promptRows('a', samples), ...promptRows('b', samples)];

  it('pairs by prompt id and generation_idx, never by position', () => {
    for (const [one, other] of joinRows(left, [...left].reverse())) {
      expect([other.prompt_id, other.generation_idx]).toEqual([one.prompt_id, one.generation_idx]);
    }
  });

  it('names the row without a partner, on either side', () => {
    expect(() => joinRows(left, left.slice(1))).toThrow('none for prompt a sample 0');
    expect(() => joinRows(left.slice(0, -1), left)).toThrow('none for prompt b sample 2');
  });

  it('refuses a repeated row', () => {
    expect(() => joinRows(left, [...left, left[0]!])).toThrow('1 repeated');
  });

  it('refuses other tokens under the same key', () => {
    expect(() => joinRows([row()], [row({ completion_ids: [5, 6, 8] })])).toThrow('two texts');
  });
});
