/**
 * Average precision of the items in falling order of their scores, ties in the order of the items:
 * the mean over relevant items of the precision at their rank. NaN without a relevant item.
 */
export function averagePrecision(scores: readonly number[], isRelevant: (item: number) => boolean): number {
  const order = scores.map((_, item) => item).sort((a, b) => scores[b]! - scores[a]! || a - b);
  let found = 0;
  let sum = 0;
  order.forEach((item, rank) => {
    if (!isRelevant(item)) return;
    found++;
    sum += found / (rank + 1);
  });
  return found === 0 ? Number.NaN : sum / found;
}

/** Expected average precision of a random order of n items of which `relevant` count. */
export function randomAveragePrecision(n: number, relevant: number): number {
  let harmonic = 0;
  for (let i = 1; i <= n; i++) harmonic += 1 / i;
  const others = n > 1 ? ((relevant - 1) / (n - 1)) * (n - harmonic) : 0;
  return (harmonic + others) / n;
}
