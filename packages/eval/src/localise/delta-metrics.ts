import { aboveChance, chanceOfAny, type Grid, isNear, meanByUnit, unitsOf, windowUnits } from './grid.ts';

/** Where an edit shows in delta = clean - edited, on the grid. Numbers are NaN where they are not defined. */
export interface DeltaMetrics {
  /** Mean delta of the units within the window of a change, of all others, and their difference. */
  readonly localDrop: number;
  readonly farDrop: number;
  readonly gap: number;
  /** By k: the chance that one of the k largest deltas is local, over the order of ties. */
  readonly hitAt: Readonly<Record<string, number>>;
  /** By k: the same of k units drawn at random, and the hit above it. */
  readonly hitAtRandom: Readonly<Record<string, number>>;
  readonly hitAtNorm: Readonly<Record<string, number>>;
  readonly localUnits: number;
  readonly units: number;
}

/**
 * Compares the scores of a clean and an edited trace place by place, as far as both go.
 *
 * @param changed changed tokens of the edited trace
 */
export function deltaMetrics(
  clean: ArrayLike<number>,
  edited: ArrayLike<number>,
  changed: readonly number[],
  grid: Grid,
  ks: readonly number[],
): DeltaMetrics {
  const delta = meanByUnit(differences(clean, edited), grid.interval);
  const targets = unitsOf(changed, grid.interval, Math.min(clean.length, edited.length));
  const reach = windowUnits(grid);
  const isLocal = delta.map((_, unit) => isNear(unit, targets, reach));
  const local = delta.filter((_, unit) => isLocal[unit]);
  const [localDrop, farDrop] = [mean(local), mean(delta.filter((_, unit) => !isLocal[unit]))];
  const byK = (value: (k: number) => number): Record<string, number> =>
    Object.fromEntries(ks.map((k) => [String(k), value(k)]));
  const chance = (k: number): number => chanceOfAny(delta.length, local.length, k);
  const isDefined = targets.length > 0;
  const hit = (k: number): number => (isDefined ? hitAmongLargest(delta, isLocal, k) : Number.NaN);
  return {
    localDrop,
    farDrop,
    gap: localDrop - farDrop,
    hitAt: byK(hit),
    hitAtRandom: byK((k) => (isDefined ? chance(k) : Number.NaN)),
    hitAtNorm: byK((k) => aboveChance(hit(k), chance(k))),
    localUnits: local.length,
    units: delta.length,
  };
}

/** clean - edited at each token that both traces have. */
export function differences(clean: ArrayLike<number>, edited: ArrayLike<number>): number[] {
  return Array.from({ length: Math.min(clean.length, edited.length) }, (_, t) => clean[t]! - edited[t]!);
}

/**
 * The chance that one of the k largest values is one of those marked, every order of ties being as
 * likely: the values of an interval critic come in plateaus.
 */
export function hitAmongLargest(values: readonly number[], isMarked: readonly boolean[], k: number): number {
  const order = values.map((_, i) => i).sort((a, b) => values[b]! - values[a]!);
  const count = Math.min(k, order.length);
  if (count === 0) return 0;
  const least = values[order[count - 1]!]!;
  const surely = order.filter((i) => values[i]! > least);
  if (surely.some((i) => isMarked[i])) return 1;
  const tied = order.filter((i) => values[i]! === least);
  return chanceOfAny(tied.length, tied.filter((i) => isMarked[i]).length, count - surely.length);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
