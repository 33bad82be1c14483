import { countCell, pointsCell, shareCell } from './cells.ts';
import { numberNotes, selectionNote } from './number-notes.ts';
import type { PaperTable } from './paper-table.ts';
import { labelColumns } from './plot-run.ts';
import { left, missingNotes, right, type TableInput, titleOf } from './table-input.ts';

/** pass@1 and the best of all samples by category of the data set; a row a category and run. */
export function categoryTable({ runs }: TableInput): PaperTable {
  const labels = labelColumns(runs.map((run) => run.labels));
  const categories = [...new Set(runs.flatMap(({ summary }) => summary.categories.map(({ category }) => category)))];
  categories.sort((a, b) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1));
  return {
    name: 'by-category',
    title: titleOf('By category', labels.common),
    columns: [
      left('category'),
      ...labels.names.map(left),
      right('prompts'),
      right('pass@1 %'),
      right('Reward %'),
      right('Majority %'),
      right('Δ random'),
    ],
    rows: categories.flatMap((category) =>
      runs.flatMap(({ labels: own, summary }) => {
        const found = summary.categories.find((row) => row.category === category);
        if (found === undefined) return [];
        return [
          [
            category ?? '(none)',
            ...labels.cellsOf(own),
            countCell(found.prompts),
            shareCell(found.passAt1),
            shareCell(found.byReward),
            shareCell(found.byMajority),
            pointsCell(found.rewardOverRandom),
          ],
        ];
      }),
    ),
    intervals: 'half-width',
    decimals: 1,
    notes: [
      ...numberNotes(runs),
      selectionNote(runs),
      'Reward and majority choose among all samples of a prompt; Δ: reward less random, paired over prompts.',
      ...missingNotes([
        runs.some(({ summary }) => summary.categories.length === 0) ? 'rows of some runs name no categories' : null,
      ]),
    ],
  };
}
