import { ToolError } from '@dawngrad/tensor';
import type { Health } from './health.ts';
import type { RunContext } from './run-context.ts';
import type { RestoredState, TrainingState } from './training-state.ts';

/** Puts into place what a restore does not, so that the state that is saved next is that of the checkpoint. */
type PutBack = (restored: RestoredState) => Promise<void>;

/**
 * After the row of a step: where too many steps were skipped, goes back to the last checkpoint and leaves out the data
 * since then (the recipe of PaLM, arXiv:2204.02311, section 5.1), at most three times in a run; false where all is
 * well. The checkpoint is saved again with that decision, so that a run that dies now does not try the same span again.
 *
 * @param stateOf the run's state at the time that it is asked for
 *
 * Throws ToolError 'failed' where there is nothing to go back to, or it has been tried three times.
 */
export async function goBackIfStuck(
  stateOf: () => TrainingState,
  health: Health,
  { checkpoints, reporter }: Pick<RunContext, 'checkpoints' | 'reporter'>,
  putBack: PutBack = async () => undefined,
): Promise<boolean> {
  const state = stateOf();
  const { step } = state.counters;
  health.stopAtSpike(step);
  const { trouble } = health;
  if (trouble === undefined) return false;
  const before = health.state();
  const restored = health.canGoBack ? await checkpoints?.goBack(state) : undefined;
  if (restored === undefined) {
    throw new ToolError('failed', {
      op: `step ${step}`,
      expected: 'finite gradients',
      got: trouble,
      hint: `${health.canGoBack ? 'there is no checkpoint to go back to' : `the run went back ${health.rollbacks} times already`}; lower the learning rate (policy.lr, critic.lr) or optim.max_grad_norm and go on from the last good checkpoint.`,
    });
  }
  const back = state.counters.step;
  health.wentBack(before, step - back);
  reporter.note(
    `warning: ${trouble} by step ${step}: back to step ${back}, and on with the data after step ${step} (time ${health.rollbacks} of 3)`,
  );
  await putBack(restored);
  await checkpoints?.save(stateOf(), { isBest: false });
  return true;
}
