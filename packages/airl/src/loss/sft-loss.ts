import { multiply, negate, sum, type Tensor } from '@dawngrad/tensor';

/**
 * L = -sum_n w_n log pi(token_n), nats. With w_n = 1 / (trained tokens of the whole batch) it is the mean
 * negative log-likelihood of completion tokens; prompts and forced tokens have w_n = 0.
 *
 * @param logp log-probability of the next token of each row, [N]
 * @param weights [N], from `tokenWeights`
 */
export function sftLoss(logp: Tensor, weights: Tensor): Tensor {
  return negate(sum(multiply(logp, weights)));
}
