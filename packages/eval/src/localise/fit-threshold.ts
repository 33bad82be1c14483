/** Values between which no rule changes are not tried twice, and of many values only so many quantiles. */
const MOST_CANDIDATES = 200;

/**
 * The threshold with the best objective among the midpoints of neighbouring values and one beyond
 * each end, the lowest of the best; NaN without values. To be fitted on dev traces alone.
 */
export function fitThreshold(values: readonly number[], objective: (threshold: number) => number): number {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  if (sorted.length === 0) return Number.NaN;
  const midpoints = sorted.slice(1).map((value, i) => (value + sorted[i]!) / 2);
  const all = [sorted[0]! - 1, ...midpoints, sorted.at(-1)! + 1];
  const step = Math.max(1, (all.length - 1) / MOST_CANDIDATES);
  const tried = Array.from(
    { length: Math.min(all.length, MOST_CANDIDATES + 1) },
    (_, i) => all[Math.round(i * step)] ?? all.at(-1)!,
  );
  let best = { threshold: tried[0]!, value: Number.NEGATIVE_INFINITY };
  for (const threshold of tried) {
    const value = objective(threshold);
    if (value > best.value) best = { threshold, value };
  }
  return best.threshold;
}
