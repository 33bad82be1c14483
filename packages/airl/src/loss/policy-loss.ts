import {
  abs,
  add,
  affine,
  cast,
  clamp,
  exp,
  less,
  max,
  minimum,
  multiply,
  subtract,
  sum,
  type Tensor,
  withoutObservers,
} from '@dawngrad/tensor';

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
}

export interface PolicyLossOptions {
  /** The probability ratio may move within 1 - low .. 1 + high before the objective is flat. */
  readonly clip: { readonly low: number; readonly high: number };
  readonly klBeta: number;
}

/** All scalars, []; sums are over trained tokens of these rows. */
export interface PolicyLoss {
  readonly loss: Tensor;
  /** Sum of k3, nats; absent without a reference. */
  readonly kl: Tensor | undefined;
  readonly entropy: Tensor;
  /** Tokens whose ratio the clip made flat. */
  readonly clipped: Tensor;
  /** Largest |log pi(trainer) - log pi(sampler)|, nats. */
  readonly sampledError: Tensor;
}

/**
 * L = sum_n w_n [ -min(rho_n A_n, clip(rho_n, 1 - low, 1 + high) A_n) + beta k3_n ] with
 * rho = exp(new - old) and k3 = exp(ref - new) - (ref - new) - 1 (r-airl.md, section 4.3).
 */
export function policyLoss(rows: PolicyRows, { clip, klBeta }: PolicyLossOptions): PolicyLoss {
  const { logp, advantage, weight, mask } = rows;
  const old = rows.oldLogp ?? detached(logp);
  // Differences are masked before the exponential: rows without a target hold arbitrary log-probabilities,
  // and 0 times an overflow is no number.
  const ratio = exp(multiply(subtract(logp, old), mask));
  const free = multiply(ratio, advantage);
  const clipped = multiply(clamp(ratio, 1 - clip.low, 1 + clip.high), advantage);
  let perToken = affine(minimum(free, clipped), -1, 0);
  let kl: Tensor | undefined;
  if (rows.refLogp !== undefined) {
    const gap = multiply(subtract(rows.refLogp, logp), mask);
    const k3 = affine(subtract(exp(gap), gap), 1, -1);
    perToken = add(perToken, affine(k3, klBeta, 0));
    kl = withoutObservers(() => sum(k3));
  }
  const loss = sum(multiply(perToken, weight));
  return withoutObservers(() => ({
    loss,
    kl,
    entropy: sum(multiply(rows.entropy, mask)),
    // Flat exactly where the clipped side is the smaller one.
    clipped: sum(cast(less(clipped, free), 'f32')),
    sampledError: max(abs(multiply(subtract(logp, rows.sampledLogp), mask))),
  }));
}

/** Another handle on the same values that no gradient flows through. */
export function detached(tensor: Tensor): Tensor {
  return tensor.view(tensor.shape, tensor.strides, tensor.offset);
}
