/**
 * Unbiased pass@k of one prompt: 1 - C(n-m, k) / C(n, k), the chance that k of its n samples, drawn
 * without replacement, hold one of the m correct ones (Chen et al. 2021, arXiv 2107.03374, eq. 1).
 * 0 when m = 0 or k > n.
 */
export function passAtK(n: number, m: number, k: number): number {
  if (m === 0 || k > n) return 0;
  return 1 - missProbability(n, m, k);
}

/**
 * Reward-weighted pass@k of one prompt: m is replaced by n times the softmax mass of the correct
 * samples (temperature 1; a non-finite score has no mass). Equals `passAtK` when all scores are equal.
 */
export function rewardWeightedPassAtK(scores: ArrayLike<number>, correct: readonly boolean[], k: number): number {
  const n = correct.length;
  if (k > n) return 0;
  return 1 - missProbability(n, effectiveCorrect(scores, correct), k);
}

/** n times the softmax mass on the correct samples: the count that the scores "see" as correct. */
export function effectiveCorrect(scores: ArrayLike<number>, correct: readonly boolean[]): number {
  const mass = softmaxMass(scores);
  return correct.length * mass.reduce((sum, p, i) => (correct[i] ? sum + p : sum), 0);
}

/** Softmax over the finite scores; the others get 0. All zero when no score is finite. */
export function softmaxMass(scores: ArrayLike<number>): number[] {
  const values = Array.from(scores);
  const peak = values.reduce((max, score) => (Number.isFinite(score) && score > max ? score : max), -Infinity);
  const weights = values.map((score) => (Number.isFinite(score) ? Math.exp(score - peak) : 0));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return total === 0 ? weights : weights.map((weight) => weight / total);
}

/**
 * The product of (n-m-j)/(n-j) for j < k. It ends at the first factor that is not positive: with a
 * fractional m two negative factors would otherwise multiply to a positive miss, and pass@k would
 * fall as k grows.
 */
function missProbability(n: number, m: number, k: number): number {
  let miss = 1;
  for (let j = 0; j < k; j++) {
    const factor = (n - m - j) / (n - j);
    if (factor <= 0) return 0;
    miss *= factor;
  }
  return Math.min(1, miss);
}
