import type { CriticExample } from './objective.ts';

/** The marked tokens of either class in a whole update: the exact counts that losses are divided by. */
export function countMarks(examples: readonly CriticExample[]): {
  readonly positive: number;
  readonly negative: number;
} {
  const counts = { positive: 0, negative: 0 };
  for (const { record, side } of examples) counts[side] += record.marks.length;
  return counts;
}
