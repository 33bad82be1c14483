import { meanReward } from './reward.ts';

/** What is added to a standard deviation before dividing by it, or the least divisor. */
const EPSILON = 1e-4;

/** Which standard deviation: with n - 1 (plus 1e-4 as a divisor) or with n (at least 1e-4). */
export type Spread = 'unbiased' | 'population';

/** Standard deviation; 0 for a single value, which has no spread to tell. */
function deviation(sample: readonly number[], kind: Spread): number {
  const mean = meanReward(sample);
  const squares = sample.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const count = kind === 'unbiased' ? sample.length - 1 : sample.length;
  return count < 1 ? 0 : Math.sqrt(squares / count);
}

/** What advantages are divided by, for the spread of a sample. */
export function divisorOf(sample: readonly number[], kind: Spread): number {
  const std = deviation(sample, kind);
  return kind === 'unbiased' ? std + EPSILON : Math.max(std, EPSILON);
}
