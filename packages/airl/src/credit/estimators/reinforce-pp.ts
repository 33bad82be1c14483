import { divisorOf } from '../spread.ts';
import type { AdvantageEstimator } from './estimator.ts';
import { groupEstimator } from './group.ts';

/**
 * REINFORCE++ with a baseline: A = (v - mean of the group) / (std + 1e-4), the std being that of all the
 * centred values of the batch (their mean is 0). Unlike `group` scaled by the batch, differences between
 * prompts do not enter the std. Source: Hu et al. 2025, arXiv 2501.03262, section 3.
 */
export const reinforcePpEstimator: AdvantageEstimator = (input) => {
  const centred = groupEstimator({ ...input, scale: 'none' });
  const divisor = divisorOf(
    input.values.flatMap((values, i) => values.map((value) => value - centred[i]!.mean)),
    input.spread,
  );
  return centred.map(({ mean }) => ({ mean, divisor }));
};
