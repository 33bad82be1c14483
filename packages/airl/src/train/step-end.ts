import type { MetricRow } from '../metrics/names.ts';
import type { RunContext } from './run-context.ts';

/** Kept among the counters of a run. */
export interface BestCounters {
  /** Dev accuracy of the best step; -1 before the first evaluation. */
  bestAccuracy: number;
  bestStep: number;
}

/**
 * Whether the step that a row was evaluated at is the best so far, which the counters then keep. A tie goes to the
 * later step: it has learned more, also where dev accuracy is still 0.
 */
export function isBestYet(counters: BestCounters, step: number, row: MetricRow): boolean {
  const accuracy = row['eval/accuracy'];
  if (accuracy === undefined || accuracy < counters.bestAccuracy) return false;
  counters.bestAccuracy = accuracy;
  counters.bestStep = step;
  return true;
}

/** What follows a step. */
interface StepEnd {
  readonly isLast: boolean;
  /** The run was asked to end. */
  readonly stops: boolean;
  readonly saves: boolean;
  /** The checkpoint is that of the best step. */
  readonly isBest: boolean;
}

/** Asks, once after each step, what is to be done before the next; the same for all trainers. */
export function stepEnd(
  { checkpoints, shouldStop, shouldSave }: Pick<RunContext, 'checkpoints' | 'shouldStop' | 'shouldSave'>,
  at: { readonly step: number; readonly maxSteps: number; readonly isBest: boolean },
): StepEnd {
  const isLast = at.step === at.maxSteps;
  const stops = shouldStop() && !isLast;
  const isAsked = shouldSave?.() === true;
  if (checkpoints === undefined) return { isLast, stops, saves: false, isBest: false };
  const isBest = at.isBest && checkpoints.savesBest !== false;
  const isDue = at.step % checkpoints.everySteps === 0;
  return { isLast, stops, saves: isBest || isLast || stops || isAsked || isDue, isBest };
}
