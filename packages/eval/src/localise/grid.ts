/** One value a token, or one a bucket of `interval` tokens: the grid on which a position is judged. */
export interface Grid {
  /** Tokens a unit: 1 for token scores, n for an interval critic. */
  readonly interval: number;
  /** Tolerance in tokens; on buckets it becomes ceil(window / interval) buckets. */
  readonly window: number;
}

/** The tolerance in units of the grid. */
export function windowUnits({ window, interval }: Grid): number {
  return Math.ceil(window / interval);
}

/** The units that tokens lie in, ascending, each once; tokens from `tokenCount` on are left out. */
export function unitsOf(tokens: readonly number[], interval: number, tokenCount: number): number[] {
  const units = new Set(tokens.filter((token) => token < tokenCount).map((token) => Math.floor(token / interval)));
  return [...units].sort((a, b) => a - b);
}

/** The mean of each unit's values, ceil(T / interval) of them; the last unit may be short. */
export function meanByUnit(values: ArrayLike<number>, interval: number): number[] {
  return Array.from({ length: Math.ceil(values.length / interval) }, (_, unit) => {
    const end = Math.min(values.length, (unit + 1) * interval);
    let sum = 0;
    for (let t = unit * interval; t < end; t++) sum += values[t]!;
    return sum / (end - unit * interval);
  });
}

/** True when a unit lies within `reach` units of one of the targets. */
export function isNear(unit: number, targets: readonly number[], reach: number): boolean {
  return targets.some((target) => Math.abs(target - unit) <= reach);
}

/** True when a predicted token lies within the window of a changed token, on the grid. */
export function hitsChange(predicted: number, changed: readonly number[], grid: Grid): boolean {
  const units = changed.map((token) => Math.floor(token / grid.interval));
  return isNear(Math.floor(predicted / grid.interval), units, windowUnits(grid));
}

/** The chance that a uniformly drawn unit of the grid hits: what `hitsChange` must be compared with. */
export function chanceHit(tokenCount: number, changed: readonly number[], grid: Grid): number {
  const units = Math.ceil(tokenCount / grid.interval);
  let hits = 0;
  for (let unit = 0; unit < units; unit++) {
    if (hitsChange(unit * grid.interval, changed, grid)) hits++;
  }
  return hits / units;
}

/**
 * The chance that any of k units drawn without replacement from `units` is one of `local` of them:
 * 1 - C(units - local, k) / C(units, k). k beyond the units counts as all of them.
 */
export function chanceOfAny(units: number, local: number, k: number): number {
  // The ratio of the binomials as a product, which cannot overflow.
  let missed = 1;
  for (let i = 0; i < Math.min(k, units); i++) missed *= Math.max(0, units - local - i) / (units - i);
  return 1 - missed;
}

/** (h - c) / (1 - c): 0 at chance, 1 at perfect. NaN when chance is already 1. */
export function aboveChance(hit: number, chance: number): number {
  return chance >= 1 ? Number.NaN : (hit - chance) / (1 - chance);
}
