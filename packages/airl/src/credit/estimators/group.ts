import { groupValues } from '../groups.ts';
import { meanReward } from '../reward.ts';
import { divisorOf } from '../spread.ts';
import type { AdvantageEstimator, Normaliser } from './estimator.ts';

/**
 * GRPO: A = (v - mean of the group) / (std + 1e-4); the std is the group's, that of all values of the batch,
 * or left out, as `scale` says. Source: Shao et al. 2024, arXiv 2402.03300, section 4.1; trl's `scale_rewards`.
 */
export const groupEstimator: AdvantageEstimator = ({ completions, values, scale, spread }) => {
  const batchDivisor = scale === 'batch' ? divisorOf(values.flat(), spread) : 1;
  const byGroup = new Map(
    [...groupValues(completions, values)].map(([group, sample]): [number | string, Normaliser] => [
      group,
      { mean: meanReward(sample), divisor: scale === 'group' ? divisorOf(sample, spread) : batchDivisor },
    ]),
  );
  return completions.map(({ group }) => byGroup.get(group)!);
};
