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
  const isTied = sorted.some((sample, i) => i > 0 && sample.score === sorted[i - 1]!.score);
  if (!isTied) {
    return (promptWeights) => {
      let [wins, right, wrong] = [0, 0, 0];
      for (let i = 0; i < prompt.length; i++) {
        const weight = promptWeights[prompt[i]!]!;
        // Without a branch on the verdict, which the processor could not foresee.
        const ofRight = weight * correct[i]!;
        wins += ofRight * wrong;
        right += ofRight;
        wrong += weight - ofRight;
      }
      return wins / (right * wrong);
    };
  }
  const tieEnds = Uint8Array.from(sorted, (sample, i) => Number(sample.score !== sorted[i + 1]?.score));
  return (promptWeights) => {
    let [wins, rightAll, wrongBelow, right, wrong] = [0, 0, 0, 0, 0];
    for (let i = 0; i < prompt.length; i++) {
      const weight = promptWeights[prompt[i]!]!;
      const ofRight = weight * correct[i]!;
      right += ofRight;
      wrong += weight - ofRight;
      if (tieEnds[i] === 1) {
        wins += right * (wrongBelow + wrong / 2);
        wrongBelow += wrong;
        rightAll += right;
        [right, wrong] = [0, 0];
      }
    }
    return wins / (rightAll * wrongBelow);
  };
}

/** Turns a sequence score into a probability of being correct. */
export type ToProbability = (score: number) => number;

/**
 * Expected calibration error as a function of prompt weights: 10 equal bins (lower, upper], each weighing its
 * share of the samples times |accuracy - mean probability| (Guo et al. 2017, arXiv 1706.04599).
 */
export function eceByPrompt(
  samples: readonly Scored[],
  toProbability: ToProbability = scoreProbability,
): (promptWeights: ArrayLike<number>) => number {
  const prompts = countPrompts(samples);
  const counts = new Uint32Array(prompts);
  /** [prompt, bin]: sum of verdict - probability. */
  const gaps = new Float64Array(prompts * BINS);
  for (const { score, correct, prompt } of samples) {
    const probability = toProbability(score);
    gaps[prompt * BINS + binOf(probability)]! += Number(correct) - probability;
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

/** Brier's score, the mean squared error of the probability, as a function of prompt weights. */
export function brierByPrompt(
  samples: readonly Scored[],
  toProbability: ToProbability = scoreProbability,
): (promptWeights: ArrayLike<number>) => number {
  const prompts = countPrompts(samples);
  const counts = new Uint32Array(prompts);
  const errors = new Float64Array(prompts);
  for (const { score, correct, prompt } of samples) {
    counts[prompt]! += 1;
    errors[prompt]! += (toProbability(score) - Number(correct)) ** 2;
  }
  return (promptWeights) => {
    let [total, error] = [0, 0];
    for (let prompt = 0; prompt < prompts; prompt++) {
      total += promptWeights[prompt]! * counts[prompt]!;
      error += promptWeights[prompt]! * errors[prompt]!;
    }
    return error / total;
  };
}

/** One bar of a reliability diagram. */
export interface ReliabilityBin {
  /** Probabilities in (low, high]; the first bin has 0 too. */
  readonly low: number;
  readonly high: number;
  readonly samples: number;
  /** Null in an empty bin, as is the accuracy. */
  readonly meanProbability: number | null;
  readonly accuracy: number | null;
}

/** The samples by probability, in the bins of the calibration error. */
export function reliabilityBins(
  samples: readonly Scored[],
  toProbability: ToProbability = scoreProbability,
): ReliabilityBin[] {
  const bins = Array.from({ length: BINS }, () => ({ samples: 0, probability: 0, correct: 0 }));
  for (const { score, correct } of samples) {
    const probability = toProbability(score);
    const bin = bins[binOf(probability)]!;
    bin.samples += 1;
    bin.probability += probability;
    bin.correct += Number(correct);
  }
  return bins.map((bin, i) => ({
    low: i / BINS,
    high: (i + 1) / BINS,
    samples: bin.samples,
    meanProbability: bin.samples === 0 ? null : bin.probability / bin.samples,
    accuracy: bin.samples === 0 ? null : bin.correct / bin.samples,
  }));
}

const BINS = 10;

function binOf(probability: number): number {
  return Math.max(0, Math.ceil(probability * BINS) - 1);
}

function countPrompts(samples: readonly Scored[]): number {
  return samples.reduce((most, sample) => Math.max(most, sample.prompt + 1), 0);
}
