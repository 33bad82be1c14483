import type { Spread } from '../spread.ts';

/** Over which samples the spread is taken: the prompt's group, the whole batch, or not at all. */
export const SCALES = ['group', 'batch', 'none'] as const;
export type Scale = (typeof SCALES)[number];

/** What an estimator is told: the values of each completion (one of a completion, or one a segment). */
export interface EstimatorInput {
  /** The prompt of each completion. */
  readonly completions: readonly { readonly group: number | string }[];
  /** The values of each completion, in the same order. */
  readonly values: readonly (readonly number[])[];
  /** Only the estimator `group` has a choice of scale. */
  readonly scale: Scale;
  readonly spread: Spread;
}

/** A = (value - mean) / divisor. */
export interface Normaliser {
  readonly mean: number;
  readonly divisor: number;
}

/** The baseline and the divisor of each completion. */
export type AdvantageEstimator = (input: EstimatorInput) => Normaliser[];
