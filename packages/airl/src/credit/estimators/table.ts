import { drGrpoEstimator } from './dr-grpo.ts';
import type { AdvantageEstimator } from './estimator.ts';
import { groupEstimator } from './group.ts';
import { reinforcePpEstimator } from './reinforce-pp.ts';
import { rlooEstimator } from './rloo.ts';

/** The advantage estimators. To add one: a file beside these, and a line here. */
export const ESTIMATORS = {
  group: groupEstimator,
  dr_grpo: drGrpoEstimator,
  rloo: rlooEstimator,
  reinforce_pp: reinforcePpEstimator,
} as const satisfies Record<string, AdvantageEstimator>;

export type EstimatorName = keyof typeof ESTIMATORS;
