import type { EvalRow } from '@dawngrad/eval';

/** Samples of the prompt that has fewest; infinity without rows. */
export function fewestSamples(rows: readonly EvalRow[]): number {
  const counts = new Map<string, number>();
  for (const { prompt_id } of rows) counts.set(prompt_id, (counts.get(prompt_id) ?? 0) + 1);
  return [...counts.values()].reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
}
