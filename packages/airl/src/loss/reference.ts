/**
 * The training objectives in double precision on plain arrays, with their gradients: slow, short and
 * independent of the engine. Tests hold the GPU losses to these.
 */

/** -log sigmoid(-x) = log(1 + e^x), without overflow. */
function softplus(x: number): number {
  return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
}

function sigmoid(x: number): number {
  return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Cross-entropy of sigmoid(logit) against a target in [0, 1], nats. */
export function bce(logit: number, target: number): number {
  return softplus(logit) - target * logit;
}

export interface BceResult {
  readonly loss: number;
  readonly gradPositive: number[];
  readonly gradNegative: number[];
}

/**
 * The critic's loss: L = 1/2 [ mean_i BCE(f_i, 1 - e) + mean_j BCE(f_j, e) ] over positives i and
 * negatives j, so that the classes balance whatever their sizes.
 * dL/df+ = (sigmoid(f) - (1 - e)) / (2 N+), dL/df- = (sigmoid(f) - e) / (2 N-).
 */
export function balancedBce(
  positive: readonly number[],
  negative: readonly number[],
  labelSmoothing: number,
): BceResult {
  const side = (logits: readonly number[], target: number): { loss: number; grad: number[] } => ({
    loss: mean(logits.map((logit) => bce(logit, target))),
    grad: logits.map((logit) => (sigmoid(logit) - target) / (2 * logits.length)),
  });
  const experts = side(positive, 1 - labelSmoothing);
  const others = side(negative, labelSmoothing);
  return { loss: (experts.loss + others.loss) / 2, gradPositive: experts.grad, gradNegative: others.grad };
}

/**
 * The logit that minimises the balanced loss where experts and policy write a trace with the given
 * probabilities: log[((1-e) pE + e pP) / (e pE + (1-e) pP)].
 */
export function optimalLogit(expert: number, policy: number, labelSmoothing: number): number {
  const e = labelSmoothing;
  return Math.log(((1 - e) * expert + e * policy) / (e * expert + (1 - e) * policy));
}

export interface PairwiseResult {
  readonly loss: number;
  readonly gradExpert: number[];
  readonly gradPolicy: number[];
}

/** Mean over all expert x policy pairs of one prompt of softplus(-(f(expert) - f(policy) - margin)). */
export function pairwiseLoss(expert: readonly number[], policy: readonly number[], margin: number): PairwiseResult {
  const pairs = expert.length * policy.length;
  const gradExpert = new Array<number>(expert.length).fill(0);
  const gradPolicy = new Array<number>(policy.length).fill(0);
  let loss = 0;
  expert.forEach((fe, i) => {
    policy.forEach((fp, j) => {
      const gap = fe - fp - margin;
      loss += softplus(-gap) / pairs;
      const slope = sigmoid(-gap) / pairs;
      gradExpert[i] = (gradExpert[i] as number) - slope;
      gradPolicy[j] = (gradPolicy[j] as number) + slope;
    });
  });
  return { loss, gradExpert, gradPolicy };
}

/** How far the probability ratio may move before the objective is flat: 1 - low .. 1 + high. */
export interface ClipRange {
  readonly low: number;
  readonly high: number;
}

/** The clipped surrogate of one token, as a loss: -min(rho A, clip(rho, 1 - low, 1 + high) A). */
export function clippedSurrogate(ratio: number, advantage: number, clip: ClipRange): number {
  const clipped = Math.min(Math.max(ratio, 1 - clip.low), 1 + clip.high);
  return -Math.min(ratio * advantage, clipped * advantage);
}

/** The k3 estimate of the divergence from the reference, of one token: e^d - d - 1 with d = ref - new. */
export function k3(refMinusNew: number): number {
  return Math.expm1(refMinusNew) - refMinusNew;
}

/**
 * Which mean is taken over tokens: `grpo` over the tokens of a sequence and then over sequences,
 * `bnpo` over all tokens of the batch, `dr_grpo` their sum over sequences x the length limit.
 */
export type Normalisation = 'grpo' | 'bnpo' | 'dr_grpo';

/** The tokens of a batch, one after another; all arrays have N entries. */
export interface PolicyTokens {
  readonly newLogp: readonly number[];
  readonly oldLogp: readonly number[];
  readonly refLogp: readonly number[];
  readonly advantage: readonly number[];
  /** 1 where the token was the policy's to write. */
  readonly trained: readonly number[];
  /** The sequence of each token, from 0. */
  readonly sequence: readonly number[];
}

export interface PolicyLossOptions {
  readonly clip: ClipRange;
  readonly klBeta: number;
  readonly normalisation: Normalisation;
  /** The length limit of completions, for `dr_grpo`. */
  readonly maxTokens: number;
}

export interface PolicyLossResult {
  readonly loss: number;
  /** d loss / d newLogp. */
  readonly grad: number[];
  /** Mean k3 over trained tokens, nats. */
  readonly kl: number;
  /** Share of trained tokens whose ratio the clip made flat. */
  readonly clipped: number;
}

/** L = sum_t w_t [ -min(rho_t A_t, clip(rho_t) A_t) + beta k3_t ], with the weights of the normalisation. */
export function policyLoss(tokens: PolicyTokens, options: PolicyLossOptions): PolicyLossResult {
  const { clip, klBeta } = options;
  const weights = tokenWeights(tokens, options);
  const trainedCount = tokens.trained.reduce((sum, one) => sum + one, 0);
  let loss = 0;
  let kl = 0;
  let clipped = 0;
  const grad = tokens.newLogp.map((newLogp, t) => {
    const weight = weights[t] as number;
    if (weight === 0) return 0;
    const advantage = tokens.advantage[t] as number;
    const ratio = Math.exp(newLogp - (tokens.oldLogp[t] as number));
    const gap = (tokens.refLogp[t] as number) - newLogp;
    const isFlat = advantage > 0 ? ratio > 1 + clip.high : advantage < 0 && ratio < 1 - clip.low;
    loss += weight * (clippedSurrogate(ratio, advantage, clip) + klBeta * k3(gap));
    kl += k3(gap) / trainedCount;
    clipped += isFlat ? 1 / trainedCount : 0;
    // d k3 / d new = 1 - e^(ref - new); d rho / d new = rho.
    return weight * ((isFlat ? 0 : -ratio * advantage) - klBeta * Math.expm1(gap));
  });
  return { loss, grad, kl, clipped };
}

function tokenWeights({ trained, sequence }: PolicyTokens, options: PolicyLossOptions): number[] {
  const sequences = Math.max(...sequence) + 1;
  const lengths = new Array<number>(sequences).fill(0);
  trained.forEach((one, t) => {
    const s = sequence[t] as number;
    lengths[s] = (lengths[s] as number) + one;
  });
  const all = lengths.reduce((sum, length) => sum + length, 0);
  return trained.map((one, t) => {
    if (one === 0) return 0;
    if (options.normalisation === 'bnpo') return 1 / all;
    if (options.normalisation === 'dr_grpo') return 1 / (sequences * options.maxTokens);
    return 1 / (sequences * (lengths[sequence[t] as number] as number));
  });
}
