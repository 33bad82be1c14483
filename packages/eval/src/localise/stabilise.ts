import { differences } from './delta-metrics.ts';
import { aboveChance, type Grid, isNear, meanByUnit, unitsOf, windowUnits } from './grid.ts';

export type ZScoreMode = 'robust' | 'standard';

/** Location and spread of the scores at each relative position of a trace. */
export interface PositionScale {
  readonly centre: readonly number[];
  readonly spread: readonly number[];
}

/** A spread below this is taken for none. */
const LEAST_SPREAD = 1e-6;

/**
 * What scores are like at each of `bins` equal parts of a trace, over clean traces: median and
 * 1.4826 median absolute deviations (robust), or mean and standard deviation. A part without values
 * or without spread has those of all values together.
 */
export function fitPositionScale(traces: readonly ArrayLike<number>[], bins: number, mode: ZScoreMode): PositionScale {
  const parts = Array.from({ length: bins }, (): number[] => []);
  for (const trace of traces) {
    for (let t = 0; t < trace.length; t++) parts[binOf(t, trace.length, bins)]!.push(trace[t]!);
  }
  const measure = mode === 'robust' ? robustScale : standardScale;
  const all = measure(parts.flat());
  const overall = { centre: all.centre, spread: all.spread >= LEAST_SPREAD ? all.spread : 1 };
  const scales = parts.map((values) => {
    if (values.length === 0) return overall;
    const { centre, spread } = measure(values);
    return { centre, spread: spread >= LEAST_SPREAD ? spread : overall.spread };
  });
  return { centre: scales.map(({ centre }) => centre), spread: scales.map(({ spread }) => spread) };
}

/** The z-score of each token for its place, smoothed by the mean over `window` tokens around it. */
export function stabilise(scores: ArrayLike<number>, { centre, spread }: PositionScale, window: number): number[] {
  const length = scores.length;
  const z = Array.from({ length }, (_, t) => {
    const bin = binOf(t, length, centre.length);
    return (scores[t]! - centre[bin]!) / spread[bin]!;
  });
  const half = Math.floor(window / 2);
  // At the ends over the tokens that there are: zeros in place of the others would bend the trace.
  return z.map((_, t) => {
    const [from, to] = [Math.max(0, t - half), Math.min(length, t + half + 1)];
    let sum = 0;
    for (let i = from; i < to; i++) sum += z[i]!;
    return sum / (to - from);
  });
}

export interface OnsetRule {
  readonly threshold: number;
  /** Consecutive units above the threshold that make an onset. */
  readonly persistence: number;
}

export interface StabilisedMetrics {
  /** Share of the positive mass of delta that is local, the share of the units that are, and the first above it. */
  readonly localMass: number;
  readonly localMassRandom: number;
  readonly localMassNorm: number;
  /** First unit at or after the change at which delta stays above the threshold; null where it never does. */
  readonly onset: number | null;
  /** Units from the change to the onset; NaN without one. */
  readonly onsetLag: number;
  readonly threshold: number;
  /** Whether delta stays above the threshold before the change. */
  readonly isFalseAlarm: boolean;
}

/** The same of stabilised clean and edited scores; undefined where no change lies in both. */
export function stabilisedMetrics(
  clean: ArrayLike<number>,
  edited: ArrayLike<number>,
  changed: readonly number[],
  grid: Grid,
  rule: OnsetRule,
): StabilisedMetrics | undefined {
  const length = Math.min(clean.length, edited.length);
  const targets = unitsOf(changed, grid.interval, length);
  if (targets.length === 0) return undefined;
  const delta = meanByUnit(differences(clean, edited), grid.interval);
  const reach = windowUnits(grid);
  const [mass, localMass] = [positiveMass(delta), positiveMass(delta.filter((_, u) => isNear(u, targets, reach)))];
  const share = mass > 0 ? localMass / mass : Number.NaN;
  const chance = delta.filter((_, unit) => isNear(unit, targets, reach)).length / delta.length;
  const start = targets[0]!;
  const threshold = Math.max(rule.threshold, start >= 2 ? upperBound(delta.slice(0, start)) : rule.threshold);
  const onset = firstRun(delta, threshold, rule.persistence, start, delta.length);
  return {
    localMass: share,
    localMassRandom: chance,
    localMassNorm: aboveChance(share, chance),
    onset,
    onsetLag: onset === null ? Number.NaN : onset - start,
    threshold,
    isFalseAlarm: firstRun(delta, threshold, rule.persistence, 0, start) !== null,
  };
}

function binOf(t: number, length: number, bins: number): number {
  return Math.min(bins - 1, Math.floor(((t + 0.5) / length) * bins));
}

function firstRun(
  values: readonly number[],
  threshold: number,
  length: number,
  start: number,
  end: number,
): number | null {
  let run = 0;
  for (let i = start; i < end; i++) {
    run = values[i]! > threshold ? run + 1 : 0;
    if (run === length) return i - length + 1;
  }
  return null;
}

function upperBound(values: readonly number[]): number {
  const { centre, spread } = standardScale(values);
  return centre + spread;
}

function positiveMass(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + Math.max(0, value), 0);
}

function robustScale(values: readonly number[]): { centre: number; spread: number } {
  const centre = median(values);
  return { centre, spread: 1.4826 * median(values.map((value) => Math.abs(value - centre))) };
}

/** Population deviation. */
function standardScale(values: readonly number[]): { centre: number; spread: number } {
  const centre = mean(values);
  return { centre, spread: Math.sqrt(mean(values.map((value) => (value - centre) ** 2))) };
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
