import { ToolError } from '@dawngrad/tensor';

const MAX_SKIPPED_IN_ROW = 5;

/** Kept among the counters of a run, so that a resumed run goes on counting. */
export interface SkipCounters {
  skipped: number;
  skippedInRow: number;
}

/** Counts a step that the optimiser skipped because gradient values were not finite. */
export function countSkip(counters: SkipCounters, nonFinite: number): void {
  counters.skippedInRow = nonFinite > 0 ? counters.skippedInRow + 1 : 0;
  counters.skipped += nonFinite > 0 ? 1 : 0;
}

/** Ends the run after five skipped steps in a row: by then nothing is being learned. */
export function stopIfStuck(counters: SkipCounters, step: number): void {
  if (counters.skippedInRow < MAX_SKIPPED_IN_ROW) return;
  throw new ToolError('failed', {
    op: `step ${step}`,
    expected: 'finite gradients',
    got: `values that are not finite in ${counters.skippedInRow} steps in a row, all of them skipped`,
    hint: 'lower the learning rate (policy.lr, critic.lr) or optim.max_grad_norm and start from the last good checkpoint.',
  });
}
