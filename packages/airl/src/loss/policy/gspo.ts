import {
  exp,
  indexAdd,
  indexSelect,
  multiply,
  type Tensor,
  ToolError,
  withoutObservers,
  zeros,
} from '@dawngrad/tensor';
import { clippedObjective } from './clipped.ts';
import type { PolicySurrogate, SurrogateRows } from './surrogate.ts';

/**
 * GSPO: the clipped objective with the ratio of the sequence, s = exp(mean over its tokens of log rho_t).
 * s is taken without a gradient and multiplied by rho_t / rho_t (its gradient alone), which is the paper's
 * GSPO-token: the same gradient where a sequence has one advantage, and defined where it has several.
 * Source: Zheng et al. 2025, arXiv 2507.18071, eqs. 5, 7 and 14.
 */
export const gspoSurrogate: PolicySurrogate = (rows, options) =>
  clippedObjective(sequenceRatio(rows), rows.advantage, options);

function sequenceRatio({ ratio, logRatio, mask, sequences }: SurrogateRows): Tensor {
  // On policy both are 1, and the ratio of the token has the gradient wanted.
  if (logRatio === undefined) return ratio;
  if (sequences === undefined) {
    throw new ToolError('failed', { op: 'gspo', expected: 'the sequence of each row', got: 'none' });
  }
  const { ids, count, share } = sequences;
  const factor = withoutObservers(() => {
    const means = indexAdd(zeros(ratio.device, [count]), 0, ids, multiply(logRatio, share));
    return exp(multiply(indexSelect(means, 0, ids), mask));
  });
  // rho_t / sg(rho_t) from the log-ratio, which is masked already: exp(-log rho) without a gradient.
  const inverse = withoutObservers(() => exp(multiply(logRatio, -1)));
  return multiply(multiply(factor, inverse), ratio);
}
