import { shareCell } from './cells.ts';
import { numberNotes } from './number-notes.ts';
import type { PaperTable } from './paper-table.ts';
import { labelColumns } from './plot-run.ts';
import { left, missingNotes, right, type TableInput, titleOf } from './table-input.ts';

/** How well the reward tells right from wrong, and how far it can be believed as a probability (D25, D26). */
export function calibrationTable({ runs }: TableInput): PaperTable {
  const labels = labelColumns(runs.map((run) => run.labels));
  return {
    name: 'calibration',
    title: titleOf('Calibration of the reward', labels.common),
    columns: [
      ...labels.names.map(left),
      right('AUROC %'),
      right('ECE %'),
      right('Brier %'),
      right('ECE %, temperature'),
      right('ECE %, isotonic'),
    ],
    rows: runs.map(({ labels: own, summary: { separation, calibration } }) => [
      ...labels.cellsOf(own),
      shareCell(separation.find(({ signal }) => signal === 'reward')?.auroc),
      shareCell(calibration?.raw.ece),
      shareCell(calibration?.raw.brier),
      shareCell(calibration?.scaled?.byTemperature.ece),
      shareCell(calibration?.scaled?.byIsotonic.ece),
    ]),
    intervals: 'bounds',
    decimals: 1,
    notes: [
      ...numberNotes(runs),
      'ECE, 10 equal bins, and Brier score of logistic(reward); scaled on the rows of other prompts where such were given.',
      ...missingNotes([
        runs.some(({ summary }) => summary.calibration === null) ? 'no critic scores' : null,
        runs.some(({ summary }) => summary.calibration?.scaled === null) ? 'no rows to fit a scale on' : null,
      ]),
    ],
  };
}
