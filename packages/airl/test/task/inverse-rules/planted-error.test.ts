import { describe, expect, it } from 'vitest';
import { plantError } from '../../../src/task/inverse-rules/planted-error.ts';
import { decodePrompt } from '../../../src/task/inverse-rules/problem.ts';
import { createInverseRulesTask } from '../../../src/task/inverse-rules/task.ts';
import { encodeTrace, firstError, LINE_TOKENS, parseTrace } from '../../../src/task/inverse-rules/trace.ts';

const task = createInverseRulesTask({ seed: 2, setting: 'tool', demonstrations: 5, dev: 5, test: 300 });
const { world } = task;

describe('plantError', () => {
  const planted = task.test.map(({ promptIds }, i) => ({
    problem: decodePrompt(promptIds),
    ...plantError(world, decodePrompt(promptIds), i),
  }));

  it('leaves a well-formed trace whose first wrong line is the edited one', () => {
    for (const { problem, completionIds, line } of planted) {
      expect(parseTrace(completionIds)?.lines).toHaveLength(problem.rules.length);
      expect(firstError(world, problem, completionIds)?.step).toBe(line);
    }
  });

  it('changes one token: with its right value back, the trace is right', () => {
    const places = new Map<number, number>();
    for (const { problem, completionIds } of planted) {
      const { token } = firstError(world, problem, completionIds)!;
      const digits = Array.from({ length: 10 }, (_, digit) => {
        const ids = completionIds.slice();
        ids[token] = encodeTrace({ lines: [], answer: digit })[2]!;
        return ids;
      });
      expect(digits.filter((ids) => firstError(world, problem, ids) === undefined)).toHaveLength(1);
      places.set(token % LINE_TOKENS, (places.get(token % LINE_TOKENS) ?? 0) + 1);
    }
    // Value, guess, result: 1, 3 and 1 in five.
    expect([...places.keys()].sort()).toEqual([1, 4, 6]);
    expect(places.get(4)! / planted.length).toBeGreaterThan(0.5);
  });

  it('is a pure function of world, problem and index', () => {
    const problem = planted[0]!.problem;
    expect(plantError(world, problem, 7)).toEqual(plantError(world, problem, 7));
    expect(plantError(world, problem, 7)).not.toEqual(plantError(world, problem, 8));
  });
});
