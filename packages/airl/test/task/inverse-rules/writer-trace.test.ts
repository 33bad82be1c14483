import { describe, expect, it } from 'vitest';
import { longerChains } from '../../../src/task/inverse-rules/longer-chains.ts';
import { decodePrompt } from '../../../src/task/inverse-rules/problem.ts';
import { createInverseRulesTask } from '../../../src/task/inverse-rules/task.ts';
import { firstError, parseTrace } from '../../../src/task/inverse-rules/trace.ts';
import { writerTrace } from '../../../src/task/inverse-rules/writer-trace.ts';

const task = createInverseRulesTask({ seed: 4, setting: 'tool', demonstrations: 5, dev: 5, test: 5 });

describe('writerTrace', () => {
  it('writes a line a rule, however many, with honest results, right in some and wrong in others', () => {
    let right = 0;
    for (const { promptIds } of longerChains(task, 6, 30).test) {
      const problem = decodePrompt(promptIds);
      for (let index = 0; index < 10; index++) {
        const ids = writerTrace(task.world, problem, index);
        const { lines } = parseTrace(ids)!;
        expect(lines).toHaveLength(6);
        for (const { rule, guess, result } of lines) expect(task.world.apply[rule * 10 + guess]).toBe(result);
        if (firstError(task.world, problem, ids) === undefined) right++;
      }
    }
    expect(right).toBeGreaterThan(15);
    expect(right).toBeLessThan(150);
  });

  it('is a pure function of world, problem and index', () => {
    const problem = decodePrompt(task.test[0]!.promptIds);
    const traces = Array.from({ length: 8 }, (_, index) => [...writerTrace(task.world, problem, index)].join(' '));
    expect([...writerTrace(task.world, problem, 3)].join(' ')).toBe(traces[3]);
    expect(new Set(traces).size).toBeGreaterThan(4);
  });
});
