import { type Scored, scoreProbability, type ToProbability } from './calibration.ts';

/** Probabilities fitted on other samples than those they are judged on. */
export interface TemperatureScaling {
  /** Scores are divided by it. Infinity where the scores say nothing, or the opposite. */
  readonly temperature: number;
  readonly toProbability: ToProbability;
}

const STEEPEST = 1e4;

/**
 * The temperature with the least cross-entropy of logistic(score / temperature) (Guo et al. 2017). The loss is convex
 * in 1 / temperature, so its slope is halved in on.
 */
export function fitTemperature(samples: readonly Scored[]): TemperatureScaling {
  const slope = (steepness: number): number =>
    samples.reduce(
      (sum, { score, correct }) => sum + (scoreProbability(steepness * score) - Number(correct)) * score,
      0,
    );
  let low = 0;
  let high = STEEPEST;
  if (slope(0) >= 0) high = 0;
  else if (slope(STEEPEST) <= 0) low = STEEPEST;
  for (let i = 0; i < 100 && low < high; i++) {
    const middle = (low + high) / 2;
    if (slope(middle) < 0) low = middle;
    else high = middle;
  }
  const steepness = high === 0 ? 0 : (low + high) / 2;
  return { temperature: 1 / steepness, toProbability: (score) => scoreProbability(steepness * score) };
}

/** A rising function through the points (scores[i], probabilities[i]), straight between them, level outside. */
export interface IsotonicScaling {
  readonly scores: readonly number[];
  readonly probabilities: readonly number[];
  readonly toProbability: ToProbability;
}

interface Block {
  sum: number;
  weight: number;
  first: number;
  last: number;
}

/** The rising function of the score with the least squared error (pool adjacent violators; Zadrozny and Elkan 2002). */
export function fitIsotonic(samples: readonly Scored[]): IsotonicScaling {
  const sorted = [...samples].sort((a, b) => a.score - b.score);
  const blocks: Block[] = [];
  for (const { score, correct } of sorted) {
    const top = blocks.at(-1);
    // Equal scores have one probability.
    if (top !== undefined && top.last === score) {
      top.sum += Number(correct);
      top.weight += 1;
    } else blocks.push({ sum: Number(correct), weight: 1, first: score, last: score });
  }
  const pooled: Block[] = [];
  for (const block of blocks) {
    pooled.push({ ...block });
    for (;;) {
      const [before, last] = [pooled.at(-2), pooled.at(-1)!];
      if (before === undefined || before.sum * last.weight < last.sum * before.weight) break;
      pooled.splice(-2, 2, {
        sum: before.sum + last.sum,
        weight: before.weight + last.weight,
        first: before.first,
        last: last.last,
      });
    }
  }
  const scores: number[] = [];
  const probabilities: number[] = [];
  for (const { sum, weight, first, last } of pooled) {
    for (const score of first === last ? [first] : [first, last]) {
      scores.push(score);
      probabilities.push(sum / weight);
    }
  }
  return { scores, probabilities, toProbability: (score) => interpolate(scores, probabilities, score) };
}

function interpolate(xs: readonly number[], ys: readonly number[], x: number): number {
  if (x <= xs[0]!) return ys[0]!;
  if (x >= xs.at(-1)!) return ys.at(-1)!;
  let [low, high] = [0, xs.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle]! <= x) low = middle;
    else high = middle;
  }
  return ys[low]! + ((ys[high]! - ys[low]!) * (x - xs[low]!)) / (xs[high]! - xs[low]!);
}
