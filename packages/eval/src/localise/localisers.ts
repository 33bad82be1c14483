/** Whether an error shows as a fall of a signal (scores, log-probabilities) or as a rise (entropies). */
export type Direction = 'drop' | 'rise';

/**
 * How much each unit but the first changes for the worse from the one before it: entry i is of unit
 * i + 1. The candidates of a localiser that sees one trace alone.
 */
export function transitions(values: ArrayLike<number>, direction: Direction): number[] {
  const sign = direction === 'drop' ? -1 : 1;
  return Array.from({ length: Math.max(0, values.length - 1) }, (_, i) => sign * (values[i + 1]! - values[i]!));
}

/**
 * The unit after the largest change for the worse, 1 + argmax_t max(0, change), the first one on ties;
 * 0 for a single unit.
 */
export function largestChange(values: ArrayLike<number>, direction: Direction): number {
  const changes = transitions(values, direction).map((change) => Math.max(0, change));
  return changes.length === 0 ? 0 : 1 + firstLargest(changes);
}

/**
 * The predicted position of the error: the token after the largest drop of the score, the first one
 * on ties. 0 for a single token.
 */
export function largestDrop(scores: ArrayLike<number>): number {
  return largestChange(scores, 'drop');
}

/** The unit at which a trace scores furthest below its clean version, the first one on ties. */
export function largestDifference(clean: ArrayLike<number>, edited: ArrayLike<number>): number {
  const length = Math.min(clean.length, edited.length);
  return firstLargest(Array.from({ length }, (_, t) => clean[t]! - edited[t]!));
}

/** The first unit whose score is below the threshold; null where none is. */
export function firstBelow(scores: ArrayLike<number>, threshold: number): number | null {
  for (let t = 0; t < scores.length; t++) if (scores[t]! < threshold) return t;
  return null;
}

/** The unit that "always the first" names: the first that a localiser of changes can name. */
export function firstCandidate(units: number): number {
  return Math.min(1, units - 1);
}

function firstLargest(values: readonly number[]): number {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i]! > values[best]!) best = i;
  return best;
}
