import { Rng, ToolError } from '@dawngrad/tensor';
import { type Interval, percentileBounds } from './resample.ts';
import { tInterval } from './student.ts';

/** A mean over several training seeds, each evaluated on the same prompts. */
export interface SeedEstimate {
  readonly value: number;
  readonly seeds: number;
  readonly prompts: number;
  /** The mean of each seed, in the order given. */
  readonly bySeed: readonly number[];
  /** Percentile bootstrap that draws seeds and, crossed with them, prompts. Null with one seed. */
  readonly hierarchical: Interval | null;
  /** Student's t over the means of the seeds: it covers the luck of training alone. Null with one seed. */
  readonly overSeeds: Interval | null;
}

const STREAM = 0x73656564;

/**
 * The mean of values [seed][prompt], with two intervals. Prompts are the same for every seed, so a resample draws
 * prompts once for all of its seeds (a crossed design); with two or three seeds the t interval is the honest one,
 * since few seeds can only be drawn in few ways.
 */
export function estimateOverSeeds(
  values: readonly (readonly number[])[],
  { resamples = 1000, seed = 42 }: { readonly resamples?: number; readonly seed?: number } = {},
): SeedEstimate {
  const prompts = values[0]?.length ?? 0;
  if (prompts === 0 || values.some((row) => row.length !== prompts)) {
    throw new ToolError('config', {
      op: 'mean over seeds',
      expected: 'the same prompts for every seed',
      got: `${values.map((row) => row.length).join(', ')} prompts`,
    });
  }
  const seeds = values.length;
  const bySeed = values.map((row) => row.reduce((sum, v) => sum + v, 0) / prompts);
  const value = bySeed.reduce((sum, v) => sum + v, 0) / seeds;
  if (seeds < 2) return { value, seeds, prompts, bySeed, hierarchical: null, overSeeds: null };
  const rng = new Rng(seed, STREAM);
  const means: number[] = [];
  const times = new Uint16Array(seeds);
  for (let r = 0; r < resamples; r++) {
    times.fill(0);
    for (let s = 0; s < seeds; s++) times[Math.floor(rng.uniform(r, s) * seeds)]! += 1;
    let total = 0;
    for (let draw = 0; draw < prompts; draw++) {
      const prompt = Math.floor(rng.uniform(r, seeds + draw) * prompts);
      for (let s = 0; s < seeds; s++) total += times[s]! * values[s]![prompt]!;
    }
    means.push(total / (seeds * prompts));
  }
  const t = tInterval(bySeed)!;
  return {
    value,
    seeds,
    prompts,
    bySeed,
    hierarchical: percentileBounds(means),
    overSeeds: { low: t.low, high: t.high },
  };
}
