import { multiply, softplus, subtract, sum, type Tensor, ToolError } from '@dawngrad/tensor';

/** What the critic's logit at a marked token is held to. */
export interface CriticTarget {
  /** 1 - e for experts, e for negatives. */
  readonly target: number;
  /** 1 / (2 N+) or 1 / (2 N-): so the classes balance whatever their sizes. */
  readonly weight: number;
}

/** Targets of both classes from the exact numbers of marked tokens in the whole update (not in one micro-batch). */
export function criticTargets(
  positiveMarks: number,
  negativeMarks: number,
  labelSmoothing: number,
): { readonly positive: CriticTarget; readonly negative: CriticTarget } {
  if (positiveMarks === 0 || negativeMarks === 0) {
    throw new ToolError('failed', {
      op: 'critic update',
      expected: 'at least one positive and one negative',
      got: `${positiveMarks} marked tokens of positives, ${negativeMarks} of negatives`,
    });
  }
  return {
    positive: { target: 1 - labelSmoothing, weight: 1 / (2 * positiveMarks) },
    negative: { target: labelSmoothing, weight: 1 / (2 * negativeMarks) },
  };
}

/**
 * L = 1/2 [ mean_i BCE(f_i, 1 - e) + mean_j BCE(f_j, e) ] over marked tokens i of experts and j of
 * negatives, with BCE(f, y) = log(1 + e^f) - y f (r-airl.md, section 3.3).
 *
 * @param logits the critic's f at each row, [N]
 * @param targets y by row, [N]
 * @param weights by row, 0 where there is no mark, [N]
 */
export function criticLoss(logits: Tensor, targets: Tensor, weights: Tensor): Tensor {
  return sum(multiply(subtract(softplus(logits), multiply(targets, logits)), weights));
}
