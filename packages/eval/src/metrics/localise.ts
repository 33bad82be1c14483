/** One value a token, or one a bucket of `interval` tokens: the grid on which a position is judged. */
export interface Grid {
  /** Tokens a unit: 1 for token scores, n for an interval critic. */
  readonly interval: number;
  /** Tolerance in tokens; on buckets it becomes ceil(window / interval) buckets. */
  readonly window: number;
}

/**
 * The predicted position of the error: the token after the largest drop of the score, the first one
 * on ties. 0 for a single token.
 */
export function largestDrop(scores: ArrayLike<number>): number {
  let position = 0;
  let largest = -1;
  for (let t = 0; t + 1 < scores.length; t++) {
    const drop = Math.max(0, scores[t]! - scores[t + 1]!);
    if (drop > largest) {
      largest = drop;
      position = t + 1;
    }
  }
  return position;
}

/** True when a predicted token lies within the window of a changed token, on the grid. */
export function hitsChange(predicted: number, changed: readonly number[], grid: Grid): boolean {
  const reach = windowUnits(grid);
  const unit = Math.floor(predicted / grid.interval);
  return changed.some((token) => Math.abs(Math.floor(token / grid.interval) - unit) <= reach);
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

/** (h - c) / (1 - c): 0 at chance, 1 at perfect. NaN when chance is already 1. */
export function aboveChance(hit: number, chance: number): number {
  return (hit - chance) / (1 - chance);
}

/** Expected average precision of a random order of n items of which `relevant` count. */
export function randomAveragePrecision(n: number, relevant: number): number {
  let harmonic = 0;
  for (let i = 1; i <= n; i++) harmonic += 1 / i;
  const others = n > 1 ? ((relevant - 1) / (n - 1)) * (n - harmonic) : 0;
  return (harmonic + others) / n;
}

function windowUnits(grid: Grid): number {
  return Math.ceil(grid.window / grid.interval);
}
