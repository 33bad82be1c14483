import { ToolError } from '@dawngrad/tensor';
import { percentileInterval, type Resamples } from './resample.ts';
import { wilsonInterval } from './wilson.ts';

/** A number with its 95 % interval over n prompts. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly n: number;
  readonly method: 'bootstrap' | 'wilson';
}

/**
 * The mean of one value in [0, 1] a prompt. Where every prompt is at 0, or every prompt at 1, each
 * resample is the same and the bootstrap would claim certainty from any n; there the interval is
 * Wilson's for n prompts.
 */
export function estimateMean(values: readonly number[], resamples: Resamples): Estimate {
  const n = values.length;
  const value = mean(values);
  if (values.every((v) => v === 0) || values.every((v) => v === 1)) {
    return { value, ...wilsonInterval(value * n, n), n, method: 'wilson' };
  }
  return { value, ...percentileInterval(resamples, weightedMeanOf(values)), n, method: 'bootstrap' };
}

/** A statistic of prompt weights (AUROC, ECE) at equal weights, with its interval; null where undefined. */
export function estimateStatistic(
  statistic: (weights: ArrayLike<number>) => number,
  resamples: Resamples,
): Estimate | null {
  const n = resamples.clusters;
  const value = statistic(new Uint8Array(n).fill(1));
  if (!Number.isFinite(value)) return null;
  return { value, ...percentileInterval(resamples, statistic), n, method: 'bootstrap' };
}

/**
 * The mean of a - b over the same prompts, joined by id, with its paired interval: prompts are drawn
 * with both of their values, so what makes a prompt hard for both cancels. Where every difference is
 * 0 the bootstrap collapses; the interval is then what Wilson leaves for a share of n prompts that
 * would differ.
 */
export function pairedDifference(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
  resamples: Resamples,
): Estimate {
  const ids = [...a.keys()].sort();
  const missing = ids.find((id) => !b.has(id)) ?? [...b.keys()].find((id) => !a.has(id));
  if (missing !== undefined || ids.length !== resamples.clusters) {
    throw new ToolError('config', {
      op: 'paired difference',
      expected: `the same ${resamples.clusters} prompts on both sides`,
      got: missing === undefined ? `${ids.length} prompts` : `prompt ${missing} on one side only`,
    });
  }
  const differences = ids.map((id) => a.get(id)! - b.get(id)!);
  const n = differences.length;
  if (differences.every((d) => d === 0)) {
    const { high } = wilsonInterval(0, n);
    return { value: 0, low: -high, high, n, method: 'wilson' };
  }
  const interval = percentileInterval(resamples, weightedMeanOf(differences));
  return { value: mean(differences), ...interval, n, method: 'bootstrap' };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, v) => sum + v, 0) / values.length;
}

function weightedMeanOf(values: readonly number[]): (weights: ArrayLike<number>) => number {
  return (weights) => {
    let sum = 0;
    let total = 0;
    for (let i = 0; i < values.length; i++) {
      sum += weights[i]! * values[i]!;
      total += weights[i]!;
    }
    return sum / total;
  };
}
