import { createChecker } from '@dawngrad/airl';
import type { EvalRow } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';

/** What tables and figures say of verdicts that were adjusted. */
export const ADJUSTED_NOTE =
  'Format-adjusted: the last number of the answer decides, compared as a decimal; the recorded verdicts are not used.';

const check = createChecker('numeric', 'last-number');

/** Rows judged by the last number of their answer, or of the whole completion where it has none. */
export function formatAdjusted(rows: readonly EvalRow[], file: string): EvalRow[] {
  return rows.map((row) => {
    if (row.gold === null) {
      throw new ToolError('config', {
        op: `${file}, statistics.format_adjusted`,
        expected: 'rows with their gold answer',
        got: `none in prompt ${row.prompt_id}`,
        hint: "the reference's files have verdicts alone; evaluate them with data to get rows that have both.",
      });
    }
    const { outcome } = check(row.answer ?? row.generation.content, row.gold);
    return { ...row, correctness_reward_func: outcome === 'correct' ? 1 : 0 };
  });
}
