/** Counts of two classes on shared bins; `edges` has one more entry than the counts. */
export interface Histogram {
  readonly edges: readonly number[];
  readonly correct: readonly number[];
  readonly wrong: readonly number[];
}

/** Equal bins over the range of both classes; null when there is no value at all. */
export function histogram(correct: readonly number[], wrong: readonly number[], bins = 24): Histogram | null {
  const all = [...correct, ...wrong];
  if (all.length === 0) return null;
  const low = all.reduce((a, b) => Math.min(a, b));
  const high = all.reduce((a, b) => Math.max(a, b));
  // One distinct value still needs bins of some width.
  const width = (high > low ? high - low : 1) / bins;
  const count = (values: readonly number[]): number[] => {
    const counts = new Array<number>(bins).fill(0);
    for (const value of values) counts[Math.min(bins - 1, Math.floor((value - low) / width))]! += 1;
    return counts;
  };
  return {
    edges: Array.from({ length: bins + 1 }, (_, i) => low + i * width),
    correct: count(correct),
    wrong: count(wrong),
  };
}
