import { emphasised, pointsCell, shareCell } from './cells.ts';
import { numberNotes, selectionNote } from './number-notes.ts';
import type { PaperTable } from './paper-table.ts';
import { labelColumns } from './plot-run.ts';
import { left, missingNotes, right, type TableInput, titleOf } from './table-input.ts';

/** What a setting changes: clip range, corruption, group size or any other label, with the published columns. */
export function ablationTable({ runs, by = 'variant' }: TableInput): PaperTable {
  const labels = labelColumns(
    runs.map((run) => run.labels),
    [by],
  );
  const isSame = runs.every((run) => labels.names.every((name) => run.labels[name] === runs[0]!.labels[name]));
  const names = isSame ? [] : labels.names;
  const rows = runs.map(({ labels: own, summary }) => [
    own[by] ?? '(none)',
    ...names.map((name) => own[name] ?? ''),
    shareCell(summary.passAtK.find(({ k }) => k === 1)?.plain),
    pointsCell(summary.rewardGain?.overRandom),
    shareCell(summary.separation.find(({ signal }) => signal === 'reward')?.auroc),
    shareCell(summary.calibration?.raw.ece),
  ]);
  return {
    name: `ablation-${by}`,
    title: titleOf(`By ${by}`, isSame ? '' : labels.common),
    columns: [left(by), ...names.map(left), right('pass@1 %'), right('Δ best-of-N'), right('AUROC %'), right('ECE %')],
    rows: emphasised(rows, [names.length + 1, names.length + 3]),
    intervals: 'half-width',
    decimals: 1,
    notes: [
      ...numberNotes(runs),
      selectionNote(runs),
      'Δ: best of all samples by the reward less a random one, paired over prompts, in points.',
      ...missingNotes([runs.some(({ summary }) => summary.rewardGain === null) ? 'no critic scores' : null]),
    ],
  };
}
