import { kindOf, type OtherName, type Registration, Registry } from '../../registry.ts';
import { drGrpoEstimator } from './dr-grpo.ts';
import type { AdvantageEstimator } from './estimator.ts';
import { groupEstimator } from './group.ts';
import { reinforcePpEstimator } from './reinforce-pp.ts';
import { rlooEstimator } from './rloo.ts';

/** The advantage estimators of this package. To add one: a file beside these, and a line here. */
export const ESTIMATORS = {
  group: groupEstimator,
  dr_grpo: drGrpoEstimator,
  rloo: rlooEstimator,
  reinforce_pp: reinforcePpEstimator,
} as const satisfies Record<string, AdvantageEstimator>;

export type EstimatorName = keyof typeof ESTIMATORS | OtherName;

/** All advantage estimators: these, and those that were registered. */
export const estimators = new Registry<keyof typeof ESTIMATORS, AdvantageEstimator>(ESTIMATORS, {
  noun: 'advantage estimator',
  key: 'credit.estimator',
  faultOf: (estimator: unknown) =>
    typeof estimator === 'function'
      ? undefined
      : { expected: 'a function from values to {mean, divisor} of each completion', got: kindOf(estimator) },
});

/**
 * Makes an advantage estimator known under a name, for `credit.estimator` and for trainers' options. Disposing of the
 * result takes it back. Throws ToolError 'config' for a name that is taken.
 */
export function registerEstimator(name: string, estimator: AdvantageEstimator): Registration {
  return estimators.register(name, estimator);
}
