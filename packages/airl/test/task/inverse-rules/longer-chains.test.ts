import { describe, expect, it } from 'vitest';
import { Draws } from '../../../src/data/draws.ts';
import { longerChains } from '../../../src/task/inverse-rules/longer-chains.ts';
import { decodePrompt, encodePrompt, problemKey, splitOf } from '../../../src/task/inverse-rules/problem.ts';
import { createInverseRulesTask } from '../../../src/task/inverse-rules/task.ts';
import { encodeTrace, expertTrace, firstError, parseTrace } from '../../../src/task/inverse-rules/trace.ts';
import { TOKEN, wordsOf } from '../../../src/task/inverse-rules/vocabulary.ts';

const task = createInverseRulesTask({ seed: 1, setting: 'tool', demonstrations: 5, dev: 5, test: 5 });

describe('longerChains', () => {
  it.each([
    [5, 8, 45],
    [6, 9, 53],
  ])('has problems of %i rules, written in %i and solved in %i tokens', (steps, prompt, completion) => {
    const longer = longerChains(task, steps, 40);
    expect([longer.maxPromptTokens, longer.maxCompletionTokens]).toEqual([prompt, completion]);
    expect(new Set(longer.test.map(({ id }) => id)).size).toBe(40);
    longer.test.forEach((question, i) => {
      const problem = decodePrompt(question.promptIds);
      expect(problem.rules).toHaveLength(steps);
      expect(splitOf(task.world, problem)).toBe('test');
      expect([problemKey(problem), [...encodePrompt(problem)]]).toEqual([question.id, [...question.promptIds]]);
      expect(question.promptIds).toHaveLength(prompt);
      const ids = encodeTrace(expertTrace(task.world, problem, new Draws(1, 1, i)));
      expect(ids).toHaveLength(completion);
      expect(parseTrace(ids)?.lines).toHaveLength(steps);
      expect(firstError(task.world, problem, ids)).toBeUndefined();
      expect(longer.check(longer.decode(ids), question).outcome).toBe('correct');
    });
  });

  it('is read by the critic with the review token in the last place', () => {
    const { promptIds } = longerChains(task, 6, 1).test[0]!;
    const view = task.criticPromptIds(promptIds);
    expect([...view]).toEqual([...promptIds.slice(0, 8), TOKEN.review]);
    expect(wordsOf(promptIds).join(' ')).toMatch(/^<q> \d( f\d+){6} <think>$/);
  });

  it('is the same for the same seed, whatever the number, and leaves the rest of the task alone', () => {
    const few = longerChains(task, 5, 3).test;
    expect(longerChains(task, 5, 9).test.slice(0, 3)).toEqual(few);
    expect(longerChains(task, 5, 3).demonstrations).toBe(task.demonstrations);
  });

  it('refuses a length that training has too', () => {
    expect(() => longerChains(task, 4, 1)).toThrow(/at least 5/);
    expect(() => longerChains(task, 5.5, 1)).toThrow(/got 5.5|5\.5/);
  });
});
