/** Count, mean and sum of squared differences from it of all rewards so far. Plain numbers, so that counters can hold them. */
export interface RewardStatistics {
  rewardCount: number;
  rewardMean: number;
  rewardSquares: number;
}

/**
 * Takes in more values, without the cancellation of sums of squares (Chan, Golub and LeVeque, "Updating formulae and a
 * pairwise algorithm for computing sample variances", 1979, eqs. 2.1a and 2.1b).
 */
export function updateStatistics(statistics: RewardStatistics, values: readonly number[]): void {
  if (values.length === 0) return;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const { rewardCount: before, rewardMean, rewardSquares } = statistics;
  const count = before + values.length;
  const shift = mean - rewardMean;
  statistics.rewardCount = count;
  statistics.rewardMean = rewardMean + (shift * values.length) / count;
  statistics.rewardSquares = rewardSquares + squares + (shift * shift * before * values.length) / count;
}

/** Mean and standard deviation of the population. */
export function meanAndDeviation(statistics: RewardStatistics): { readonly mean: number; readonly deviation: number } {
  const { rewardCount, rewardMean, rewardSquares } = statistics;
  return { mean: rewardMean, deviation: rewardCount === 0 ? 0 : Math.sqrt(rewardSquares / rewardCount) };
}
