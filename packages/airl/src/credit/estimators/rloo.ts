import { groupValues } from '../groups.ts';
import type { AdvantageEstimator } from './estimator.ts';

/**
 * RLOO: A = v - mean of the values of the group's other completions, so that the baseline of a completion
 * does not depend on it. A completion without others is its own baseline. Source: Ahmadian et al. 2024,
 * arXiv 2402.14740, section 2.2.
 */
export const rlooEstimator: AdvantageEstimator = ({ completions, values }) => {
  const groups = new Map(
    [...groupValues(completions, values)].map(([group, sample]) => [group, { sum: total(sample), n: sample.length }]),
  );
  return completions.map(({ group }, i) => {
    const own = values[i]!;
    const all = groups.get(group)!;
    const others = all.n - own.length;
    return { mean: others === 0 ? all.sum / all.n : (all.sum - total(own)) / others, divisor: 1 };
  });
};

function total(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0);
}
