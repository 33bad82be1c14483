import { Rng } from '@dawngrad/tensor';
import type { Estimate } from './estimate.ts';
import { percentileInterval, type Resamples } from './resample.ts';
import { wilsonInterval } from './wilson.ts';

/** A stream of its own, so that no other draw shares its numbers. */
const STREAM = 0x73747261;

/** Clusters (prompts, cases) with what is drawn together: resamples keep the number of each stratum. */
export interface StratifiedResamples extends Resamples {
  /** The place of each cluster id. */
  readonly placeOf: ReadonlyMap<string, number>;
}

/**
 * Bootstrap resamples within strata: as many clusters of each stratum as it has. Clusters are put in
 * the order of their ids first, so that the order of the data does not matter.
 *
 * @param stratumOf the stratum of each cluster id
 */
export function drawStratified(
  stratumOf: ReadonlyMap<string, string>,
  count: number,
  seed: number,
): StratifiedResamples {
  const ids = [...stratumOf.keys()].sort();
  const placeOf = new Map(ids.map((id, place) => [id, place]));
  const strata = new Map<string, number[]>();
  ids.forEach((id, place) => {
    const stratum = stratumOf.get(id)!;
    strata.set(stratum, [...(strata.get(stratum) ?? []), place]);
  });
  const rng = new Rng(seed, STREAM);
  const clusters = ids.length;
  const weights = new Uint16Array(count * clusters);
  for (let r = 0; r < count; r++) {
    let draw = 0;
    for (const stratum of [...strata.keys()].sort()) {
      const places = strata.get(stratum)!;
      for (let i = 0; i < places.length; i++) {
        const place = places[Math.floor(rng.uniform(r, draw++) * places.length)]!;
        weights[r * clusters + place]! += 1;
      }
    }
  }
  return { clusters, count, seed, weights, placeOf };
}

/** A value of one member of a cluster. */
export interface ClusterValue {
  readonly cluster: string;
  readonly value: number;
}

/**
 * The mean over all finite values, with its interval over resampled clusters; null where there are
 * none. Where all values are 0, or all 1, every resample is the same: then Wilson's interval for the
 * clusters.
 */
export function estimateClusterMean(values: readonly ClusterValue[], resamples: StratifiedResamples): Estimate | null {
  const sums = new Float64Array(resamples.clusters);
  const counts = new Float64Array(resamples.clusters);
  for (const { cluster, value } of values) {
    if (!Number.isFinite(value)) continue;
    const place = resamples.placeOf.get(cluster)!;
    sums[place]! += value;
    counts[place]! += 1;
  }
  const used = counts.reduce((n, c) => n + (c > 0 ? 1 : 0), 0);
  if (used === 0) return null;
  const weightedMean = (weights: ArrayLike<number>): number => {
    let [sum, count] = [0, 0];
    for (let i = 0; i < sums.length; i++) {
      sum += weights[i]! * sums[i]!;
      count += weights[i]! * counts[i]!;
    }
    return sum / count;
  };
  const value = weightedMean(new Uint8Array(sums.length).fill(1));
  const finite = values.filter((one) => Number.isFinite(one.value));
  if (finite.every((one) => one.value === 0) || finite.every((one) => one.value === 1)) {
    return { value, ...wilsonInterval(value * used, used), n: used, method: 'wilson' };
  }
  return { value, ...percentileInterval(resamples, weightedMean), n: used, method: 'bootstrap' };
}
