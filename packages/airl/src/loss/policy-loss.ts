import {
  abs,
  add,
  affine,
  exp,
  max,
  min,
  multiply,
  subtract,
  sum,
  type Tensor,
  withoutObservers,
} from '@dawngrad/tensor';
import { DIVERGENCES, type DivergenceOptions } from './policy/divergence.ts';
import type { SequenceRows, SurrogateOptions } from './policy/surrogate.ts';
import { POLICY_LOSSES, type PolicyLossName } from './policy/table.ts';

/** Vectors by row, [N] each; rows that no trained token is predicted from have weight and mask 0. */
export interface PolicyRows {
  /** log pi of the next token under the policy that is trained. */
  readonly logp: Tensor;
  readonly entropy: Tensor;
  /** log pi under the policy that sampled; absent on the first update of a round, where it is `logp` itself. */
  readonly oldLogp: Tensor | undefined;
  /** log pi under the frozen reference; absent where no divergence is asked for. */
  readonly refLogp: Tensor | undefined;
  /** log pi that the sampler recorded, to be compared with the trainer's. */
  readonly sampledLogp: Tensor;
  readonly advantage: Tensor;
  /** Share of each token in the mean over the whole batch (`tokenWeights`). */
  readonly weight: Tensor;
  /** 1 at trained tokens. */
  readonly mask: Tensor;
  /** Absent where the objective is not one of whole sequences. */
  readonly sequences?: SequenceRows | undefined;
}

export interface PolicyLossOptions extends SurrogateOptions {
  /** `clipped` unless said. */
  readonly loss?: PolicyLossName;
  /** Weight of the divergence from the reference in the loss; 0 only measures it. */
  readonly klBeta: number;
  /** k3 with the gradient of its value unless said. */
  readonly kl?: DivergenceOptions;
  /** Weight of the entropy, which is subtracted from the loss; 0 unless said. */
  readonly entropyBonus?: number;
}

/** All scalars, []; sums are over trained tokens of these rows. */
export interface PolicyLoss {
  readonly loss: Tensor;
  /** Sums of k3, k1 and k2, nats; absent without a reference. */
  readonly kl: Tensor | undefined;
  readonly k1: Tensor | undefined;
  readonly k2: Tensor | undefined;
  readonly entropy: Tensor;
  /** Tokens whose ratio met the lower and the upper bound; absent of an objective without bounds. */
  readonly clippedLow: Tensor | undefined;
  readonly clippedHigh: Tensor | undefined;
  /** Least and largest log rho; absent where rho is 1, on the first update. */
  readonly logRatioMin: Tensor | undefined;
  readonly logRatioMax: Tensor | undefined;
  /** Largest |log pi(trainer) - log pi(sampler)|, nats. */
  readonly sampledError: Tensor;
}

/**
 * L = sum_n w_n [ l_n + beta k_n - c H_n ], where l is the objective by name, by default
 * -min(rho_n A_n, clip(rho_n, 1 - low, 1 + high) A_n) with rho = exp(new - old), k the divergence from the
 * reference, by default k3 = exp(ref - new) - (ref - new) - 1 (r-airl.md, section 4.3), and H the entropy.
 */
export function policyLoss(rows: PolicyRows, options: PolicyLossOptions): PolicyLoss {
  const { logp, advantage, weight, mask, oldLogp, refLogp } = rows;
  const { klBeta, loss: name = 'clipped', kl: { form, unbiased } = DEFAULT_DIVERGENCE, entropyBonus = 0 } = options;
  // Differences are masked before the exponential: rows without a target hold arbitrary log-probabilities,
  // and 0 times an overflow is no number.
  const ratio = exp(multiply(subtract(logp, oldLogp ?? detached(logp)), mask));
  const logRatio = oldLogp && withoutObservers(() => multiply(subtract(logp, oldLogp), mask));
  const surrogate = POLICY_LOSSES[name]({ logp, ratio, logRatio, advantage, mask, sequences: rows.sequences }, options);
  let { perToken } = surrogate;
  const gap = refLogp && multiply(subtract(refLogp, logp), mask);
  if (gap !== undefined && klBeta > 0) {
    const estimate = DIVERGENCES[form].ofRows(gap);
    perToken = add(perToken, affine(unbiased ? multiply(ratio, estimate) : estimate, klBeta, 0));
  }
  if (entropyBonus !== 0) perToken = add(perToken, affine(multiply(rows.entropy, mask), -entropyBonus, 0));
  const loss = sum(multiply(perToken, weight));
  return withoutObservers(() => ({
    loss,
    kl: gap && sum(DIVERGENCES.k3.ofRows(gap)),
    k1: gap && sum(DIVERGENCES.k1.ofRows(gap)),
    k2: gap && sum(DIVERGENCES.k2.ofRows(gap)),
    entropy: sum(multiply(rows.entropy, mask)),
    clippedLow: surrogate.bounded && sum(surrogate.bounded.low),
    clippedHigh: surrogate.bounded && sum(surrogate.bounded.high),
    logRatioMin: logRatio && min(logRatio),
    logRatioMax: logRatio && max(logRatio),
    sampledError: max(abs(multiply(subtract(logp, rows.sampledLogp), mask))),
  }));
}

const DEFAULT_DIVERGENCE: DivergenceOptions = { form: 'k3', unbiased: false };

/** Another handle on the same values that no gradient flows through. */
export function detached(tensor: Tensor): Tensor {
  return tensor.view(tensor.shape, tensor.strides, tensor.offset);
}
