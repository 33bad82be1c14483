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
 * ties counting half. Sorts once into flat arrays, so that each bootstrap resample costs one pass
 * (objects here cost 20 s for 1,319 prompts x 16). NaN where one of the classes has no weight.
 */
export function aurocByPrompt(samples: readonly Scored[]): (promptWeights: ArrayLike<number>) => number {
  const sorted = [...samples].sort((a, b) => a.score - b.score);
  const prompt = Uint32Array.from(sorted, (sample) => sample.prompt);
  const correct = Uint8Array.from(sorted, (sample) => Number(sample.correct));
  const tieEnds = Uint8Array.from(sorted, (sample, i) => Number(sample.score !== sorted[i + 1]?.score));
  return (promptWeights) => {
    let wrongBelow = 0;
    let rightAll = 0;
    let wins = 0;
    let right = 0;
    let wrong = 0;
    for (let i = 0; i < prompt.length; i++) {
      const weight = promptWeights[prompt[i]!]!;
      if (correct[i] === 1) right += weight;
      else wrong += weight;
      if (tieEnds[i] === 1) {
        wins += right * (wrongBelow + wrong / 2);
        wrongBelow += wrong;
        rightAll += right;
        right = 0;
        wrong = 0;
      }
    }
    return wins / (rightAll * wrongBelow);
  };
}

/**
 * Expected calibration error of logistic(score) as a function of prompt weights: 10 equal bins
 * (lower, upper], each weighing its share of the samples times |accuracy - mean probability|.
 */
export function eceByPrompt(samples: readonly Scored[]): (promptWeights: ArrayLike<number>) => number {
  const prompts = samples.reduce((most, sample) => Math.max(most, sample.prompt + 1), 0);
  const counts = new Uint32Array(prompts);
  /** [prompt, bin]: sum of verdict - probability. */
  const gaps = new Float64Array(prompts * BINS);
  for (const { score, correct, prompt } of samples) {
    const probability = scoreProbability(score);
    const bin = Math.max(0, Math.ceil(probability * BINS) - 1);
    gaps[prompt * BINS + bin]! += Number(correct) - probability;
    counts[prompt]! += 1;
  }
  return (promptWeights) => {
    let total = 0;
    for (let prompt = 0; prompt < prompts; prompt++) total += promptWeights[prompt]! * counts[prompt]!;
    let error = 0;
    for (let bin = 0; bin < BINS; bin++) {
      let gap = 0;
      for (let prompt = 0; prompt < prompts; prompt++) gap += promptWeights[prompt]! * gaps[prompt * BINS + bin]!;
      error += Math.abs(gap);
    }
    return error / total;
  };
}

const BINS = 10;
