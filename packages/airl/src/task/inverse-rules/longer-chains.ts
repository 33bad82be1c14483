import { ToolError } from '@dawngrad/tensor';
import { Draws } from '../../data/draws.ts';
import { STREAMS } from '../../data/streams.ts';
import { drawProblem, MAX_STEPS, problemKey, promptTokens } from './problem.ts';
import { type InverseRulesTask, promptOf } from './task.ts';
import { completionTokens } from './trace.ts';

/**
 * The task with `count` test problems of so many rules each, more than any training problem has (5 or more), all
 * different. Their prompts and completions are longer than any that a model was trained on.
 */
export function longerChains(task: InverseRulesTask, steps: number, count: number): InverseRulesTask {
  if (!Number.isInteger(steps) || steps <= MAX_STEPS) {
    throw new ToolError('config', {
      op: 'longerChains',
      expected: `more rules than training problems have, at least ${MAX_STEPS + 1}`,
      got: String(steps),
    });
  }
  const { world } = task;
  const draws = new Draws(world.seed, STREAMS.longerChains, steps);
  const test = new Map<string, ReturnType<typeof promptOf>>();
  while (test.size < count) {
    const problem = drawProblem(world, 'test', steps, draws, steps);
    test.set(problemKey(problem), promptOf(world, problem));
  }
  return {
    ...task,
    name: `${task.name}-${steps}-rules`,
    maxPromptTokens: promptTokens(steps),
    maxCompletionTokens: completionTokens(steps),
    test: [...test.values()],
  };
}
