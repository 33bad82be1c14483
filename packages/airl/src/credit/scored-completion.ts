import type { Segment } from '../segment/marks.ts';

/** A completion as the advantage estimators see it. */
export interface ScoredCompletion {
  /** Completions of the same prompt share their group. */
  readonly group: number | string;
  /** One reward a token, length T >= 1. */
  readonly rewards: ArrayLike<number>;
  /** The segments of the completion; segment credit and local terms read them. */
  readonly segments: readonly Segment[];
  /** The reward of the completion as a whole, without what comes on top; the mean over its tokens unless said. */
  readonly whole?: number;
  /** A reward of the completion as a whole that comes on top: outcome, format, penalties. 0 unless said. */
  readonly bonus?: number;
  /** The critic's reward head g at each token, length T; only the local signal `g` reads it. */
  readonly g?: ArrayLike<number>;
}
