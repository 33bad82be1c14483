/** A completion's sequence score and whether it was correct. */
export interface Scored {
  readonly score: number;
  readonly correct: boolean;
  /** Which prompt it belongs to: an index into the weights. */
  readonly prompt: number;
}

/** The probability that a score stands for: the logistic function, clipped at +-80 against overflow. */
export function scoreProbability(score: number): number {
  return 1 / (1 + Math.exp(-Math.max(-80, Math.min(80, score))));
}

/**
 * AUROC as a function of prompt weights: the chance that a correct completion outscores a wrong one,
 * ties counting half. Sorts once, so that each bootstrap resample costs one pass. NaN where one of
 * the classes has no weight.
 */
export function aurocByPrompt(samples: readonly Scored[]): (promptWeights: ArrayLike<number>) => number {
  const sorted = [...samples].sort((a, b) => a.score - b.score);
  return (promptWeights) => {
    let wrongBelow = 0;
    let wrongAll = 0;
    let rightAll = 0;
    let wins = 0;
    for (let start = 0; start < sorted.length; ) {
      let right = 0;
      let wrong = 0;
      let end = start;
      for (; end < sorted.length && sorted[end]!.score === sorted[start]!.score; end++) {
        const sample = sorted[end]!;
        if (sample.correct) right += promptWeights[sample.prompt]!;
        else wrong += promptWeights[sample.prompt]!;
      }
      wins += right * (wrongBelow + wrong / 2);
      wrongBelow += wrong;
      wrongAll += wrong;
      rightAll += right;
      start = end;
    }
    return wins / (rightAll * wrongAll);
  };
}

/**
 * Expected calibration error of logistic(score) as a function of prompt weights: 10 equal bins
 * (lower, upper], each weighing its share of the samples times |accuracy - mean probability|.
 */
export function eceByPrompt(samples: readonly Scored[]): (promptWeights: ArrayLike<number>) => number {
  const binned = samples.map((sample) => {
    const probability = scoreProbability(sample.score);
    return { ...sample, probability, bin: Math.max(0, Math.ceil(probability * BINS) - 1) };
  });
  return (promptWeights) => {
    const gap = new Float64Array(BINS);
    let total = 0;
    for (const sample of binned) {
      const weight = promptWeights[sample.prompt]!;
      gap[sample.bin]! += weight * (Number(sample.correct) - sample.probability);
      total += weight;
    }
    return gap.reduce((sum, value) => sum + Math.abs(value), 0) / total;
  };
}

const BINS = 10;
