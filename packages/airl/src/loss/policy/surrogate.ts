import type { Tensor } from '@dawngrad/tensor';

/** What an objective of the policy is made from; vectors by row, [N]. */
export interface SurrogateRows {
  /** log pi of the next token under the policy that is trained. */
  readonly logp: Tensor;
  /** rho = pi(new) / pi(old), differentiable; 1 at rows that are not trained. */
  readonly ratio: Tensor;
  /** log rho without a gradient; undefined while the policy is the one that sampled, so that rho is 1. */
  readonly logRatio: Tensor | undefined;
  readonly advantage: Tensor;
  /** 1 at trained tokens. */
  readonly mask: Tensor;
  /** The rows of each sequence; only objectives of whole sequences read them. */
  readonly sequences: SequenceRows | undefined;
}

/** Which sequence a row belongs to, to take means over sequences. */
export interface SequenceRows {
  /** u32 [N]. */
  readonly ids: Tensor;
  readonly count: number;
  /** 1 / (trained tokens of the row's sequence) at trained tokens, else 0; [N]. */
  readonly share: Tensor;
}

export interface SurrogateOptions {
  /** The probability ratio may move within 1 - low .. 1 + high. */
  readonly clip: { readonly low: number; readonly high: number };
  /** Upper bound of the ratio where the advantage is negative (dual clip), more than 1 + high; absent: none. */
  readonly delta?: number;
}

/** Vectors by row, [N]. */
export interface Surrogate {
  /** The loss of each token. */
  readonly perToken: Tensor;
  /** 1 where the lower or the upper bound takes effect; undefined of an objective without bounds. */
  readonly bounded: { readonly low: Tensor; readonly high: Tensor } | undefined;
}

export type PolicySurrogate = (rows: SurrogateRows, options: SurrogateOptions) => Surrogate;
