/**
 * Cuts a batch into runs of neighbours with at most `maxTokens` tokens each; a sequence that is longer has
 * a run of its own. Losses carry the counts of the whole batch in their weights, so that the cut changes
 * the memory that a step needs and not its result.
 */
export function microBatches<Item>(
  items: readonly Item[],
  tokensOf: (item: Item) => number,
  maxTokens: number,
): Item[][] {
  const runs: Item[][] = [];
  let room = 0;
  for (const item of items) {
    const tokens = tokensOf(item);
    if (runs.length === 0 || tokens > room) {
      runs.push([]);
      room = maxTokens;
    }
    runs.at(-1)?.push(item);
    room -= tokens;
  }
  return runs;
}
