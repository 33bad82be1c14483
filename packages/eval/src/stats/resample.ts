import { Rng } from '@dawngrad/tensor';

/** Bootstrap resamples of clusters (prompts): how often each cluster was drawn in each resample. */
export interface Resamples {
  readonly clusters: number;
  readonly count: number;
  readonly seed: number;
  /** [count, clusters], row-major. */
  readonly weights: Uint16Array;
}

export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** The Philox stream of the bootstrap; a stream of its own, so that no other draw shares its numbers. */
const STREAM = 0x626f6f74;

/**
 * Draws the resamples of a percentile bootstrap. Prompts are resampled, never rows: completions of
 * one prompt are not independent, and an interval over rows would shrink by merely sampling more.
 */
export function drawResamples(clusters: number, count = 1000, seed = 42): Resamples {
  const rng = new Rng(seed, STREAM);
  const weights = new Uint16Array(count * clusters);
  for (let r = 0; r < count; r++) {
    for (let draw = 0; draw < clusters; draw++) {
      weights[r * clusters + Math.floor(rng.uniform(r, draw) * clusters)]! += 1;
    }
  }
  return { clusters, count, seed, weights };
}

/**
 * The 95 % percentile interval of a statistic of cluster weights. Resamples where it is not a number
 * (an AUROC without one of the classes) are left out; NaN bounds when none is left.
 */
export function percentileInterval(resamples: Resamples, statistic: (weights: Uint16Array) => number): Interval {
  const { clusters, count, weights } = resamples;
  const values: number[] = [];
  for (let r = 0; r < count; r++) {
    const value = statistic(weights.subarray(r * clusters, (r + 1) * clusters));
    if (Number.isFinite(value)) values.push(value);
  }
  return percentileBounds(values);
}

/** The 2.5 and the 97.5 % quantile of values in any order; NaN where there are none. */
export function percentileBounds(values: readonly number[]): Interval {
  const sorted = Float64Array.from(values).sort();
  return { low: quantile(sorted, 0.025), high: quantile(sorted, 0.975) };
}

/** Linear interpolation between order statistics (Hyndman and Fan 1996, type 7, as in NumPy). */
function quantile(sorted: Float64Array, q: number): number {
  if (sorted.length === 0) return Number.NaN;
  const at = q * (sorted.length - 1);
  const low = sorted[Math.floor(at)]!;
  const high = sorted[Math.ceil(at)]!;
  return low + (high - low) * (at - Math.floor(at));
}
