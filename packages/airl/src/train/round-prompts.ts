import { DataOrder } from '../data/order.ts';
import { STREAMS } from '../data/streams.ts';
import type { Task, TaskPrompt } from '../task/task.ts';

export interface RoundPromptOptions {
  readonly seed: number;
  readonly promptsPerRound: number;
  /** Share of the prompts that have no demonstration, where the task has such. */
  readonly unlabelledFraction: number;
}

/** How many of a round's prompts have a demonstration. */
export function demonstratedPerRound(task: Task, options: RoundPromptOptions): number {
  const { promptsPerRound, unlabelledFraction } = options;
  if (task.demonstrations.length === 0) return 0;
  if (task.unlabelled(0) === undefined) return promptsPerRound;
  return promptsPerRound - Math.round(unlabelledFraction * promptsPerRound);
}

/**
 * The prompts of a round, counted from 1: those with a demonstration first, each kind in an order of its
 * own that goes on from round to round. A pure function of the options and the round.
 */
export function roundPrompts(task: Task, round: number, options: RoundPromptOptions): TaskPrompt[] {
  const { seed, promptsPerRound } = options;
  const demonstrated = demonstratedPerRound(task, options);
  const unlabelled = promptsPerRound - demonstrated;
  const order = new DataOrder(seed, STREAMS.dataOrder, task.demonstrations.length);
  return [
    ...Array.from({ length: demonstrated }, (_, i) => task.demonstrations[order.at((round - 1) * demonstrated + i)]!),
    ...Array.from({ length: unlabelled }, (_, i) => task.unlabelled((round - 1) * unlabelled + i)!),
  ];
}
