import { evaluateRows } from '../../src/evaluate-rows.ts';
import type { EvalRow } from '../../src/row.ts';
import { inLabelOrder, seedGroups } from '../../src/tables/order-runs.ts';
import type { PlotRun, RunLabels } from '../../src/tables/plot-run.ts';
import type { TableInput } from '../../src/tables/table-input.ts';
import { promptRows } from '../rows.ts';

/** Rows of `prompts` prompts with 4 samples each, of which a share that goes with the prompt is right. */
export function rowsOf(prompts: number, shift: number, isScored = true): EvalRow[] {
  return Array.from({ length: prompts }, (_, p) =>
    promptRows(
      `p${p}`,
      Array.from({ length: 4 }, (_, i) => {
        const correct = (p + i * shift) % 4 < 2;
        return { correct, score: isScored ? Number(correct) - 0.1 * i - 0.05 * p : null, logprob: -1 - i };
      }),
    ),
  ).flat();
}

export interface LabelledRows {
  readonly labels: RunLabels;
  readonly rows: readonly EvalRow[];
}

/** Input of tables from rows under labels, in any order. */
export async function tableInput(
  labelled: readonly LabelledRows[],
  more: Partial<TableInput> = {},
): Promise<TableInput> {
  const bySource = new Map(labelled.map((one) => [JSON.stringify(one.labels), one.rows]));
  const runs = inLabelOrder(
    labelled.map(
      ({ labels, rows }): PlotRun => ({
        labels,
        source: JSON.stringify(labels),
        summary: evaluateRows(rows, { resamples: 100 }),
      }),
    ),
  );
  const groups = await seedGroups(runs, async ({ source }) => bySource.get(source)!);
  return { runs, groups, localisations: [], ...more };
}
