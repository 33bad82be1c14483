import { emphasised, shareCell } from './cells.ts';
import { numberNotes } from './number-notes.ts';
import type { PaperTable } from './paper-table.ts';
import { labelColumns } from './plot-run.ts';
import { left, missingNotes, right, type TableInput, titleOf } from './table-input.ts';

/** pass@k of each run, over k. */
export function passAtKTable(input: TableInput): PaperTable {
  return tableOver(input, 'pass-at-k', 'pass@k', ({ plain }) => plain);
}

/** pass@k in which each sample has the softmax of its score as its weight. */
export function rewardWeightedTable(input: TableInput): PaperTable {
  return tableOver(input, 'reward-weighted', 'Reward-weighted pass@k', ({ rewardWeighted }) => rewardWeighted);
}

type PassAtK = TableInput['runs'][number]['summary']['passAtK'][number];

function tableOver(
  { runs }: TableInput,
  name: string,
  subject: string,
  estimateOf: (row: PassAtK) => PassAtK['rewardWeighted'],
): PaperTable {
  const labels = labelColumns(runs.map((run) => run.labels));
  const ks = [...new Set(runs.flatMap(({ summary }) => summary.passAtK.map(({ k }) => k)))].sort((a, b) => a - b);
  const rows = runs.map(({ labels: own, summary }) => [
    ...labels.cellsOf(own),
    ...ks.map((k) => {
      const found = summary.passAtK.find((row) => row.k === k);
      return shareCell(found === undefined ? null : estimateOf(found));
    }),
  ]);
  const isIncomplete = rows.some((row) => row.some((cell) => typeof cell === 'object' && cell.value === null));
  return {
    name,
    title: titleOf(subject, labels.common),
    columns: [...labels.names.map(left), ...ks.map((k) => right(`k = ${k} %`))],
    rows: emphasised(
      rows,
      ks.map((_, i) => labels.names.length + i),
    ),
    intervals: 'bounds',
    decimals: 1,
    notes: [...numberNotes(runs), ...missingNotes([isIncomplete ? 'fewer samples than k, or no critic scores' : null])],
  };
}
