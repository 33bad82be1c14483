import type { EvaluationSummary } from '../evaluate-rows.ts';
import { RANKER_NAMES, type RankerName } from '../metrics/rerank.ts';
import { countCell, emphasised, pointsCell, shareCell } from './cells.ts';
import { numberNotes, selectionNote } from './number-notes.ts';
import type { NumberCell, PaperTable } from './paper-table.ts';
import { labelColumns } from './plot-run.ts';
import { left, missingNotes, RANKER_TITLES, right, sizeOf, type TableInput, titleOf } from './table-input.ts';

/** The best of N by the reward beside a random one, with their paired difference (at the largest N). */
export function bestOfNTable({ runs }: TableInput): PaperTable {
  const labels = labelColumns(runs.map((run) => run.labels));
  const rows = runs.map(({ labels: own, summary }) => {
    const size = summary.bestOfN.sizes.at(-1)!;
    return [
      ...labels.cellsOf(own),
      countCell(size),
      rankerCell(summary, 'random', size),
      rankerCell(summary, 'reward', size),
      pointsCell(summary.rewardGain?.overRandom),
      pointsCell(summary.rewardGain?.overMajority),
    ];
  });
  return {
    name: 'best-of-n',
    title: titleOf('Best of N by the reward', labels.common),
    columns: [
      ...labels.names.map(left),
      right('N'),
      right('Random %'),
      right('Reward %'),
      right('Δ random'),
      right('Δ majority'),
    ],
    rows: emphasised(rows, [labels.names.length + 2]),
    intervals: 'bounds',
    decimals: 1,
    notes: [...numberNotes(runs), selectionNote(runs), 'Δ: paired over prompts, in points.', ...reasons(runs)],
  };
}

/** Every way to choose one of N samples, a row a run. */
export function rerankingTable(input: TableInput): PaperTable {
  const { runs } = input;
  const size = sizeOf(input, 'reranking');
  const labels = labelColumns(runs.map((run) => run.labels));
  // Down the columns runs are compared, along a row ways to choose: only the latter is this table's question.
  const rows = runs.map(({ labels: own, summary }) => {
    const cells = RANKER_NAMES.map((ranker) => rankerCell(summary, ranker, size));
    const chosen = cells.slice(0, -1);
    const across = emphasised(
      chosen.map((cell) => [cell]),
      [0],
    ).map(([cell]) => cell!);
    return [...labels.cellsOf(own), ...across, cells.at(-1)!];
  });
  return {
    name: `reranking-${size}`,
    title: titleOf(`One of ${size} samples, by who chooses`, labels.common),
    columns: [...labels.names.map(left), ...RANKER_NAMES.map((ranker) => right(`${RANKER_TITLES[ranker]} %`))],
    rows,
    intervals: 'half-width',
    decimals: 1,
    notes: [
      ...numberNotes(runs),
      selectionNote(runs),
      'Bold: best of a row, the oracle aside; underlined: second. Random is an expectation, the oracle sees the verdicts.',
      ...reasons(runs),
    ],
  };
}

/** Every way to choose over N, a block of rows a run. */
export function rerankingBaselinesTable({ runs }: TableInput): PaperTable {
  const labels = labelColumns(runs.map((run) => run.labels));
  const sizes = [...new Set(runs.flatMap(({ summary }) => summary.bestOfN.sizes))].sort((a, b) => a - b);
  return {
    name: 'reranking-baselines',
    title: titleOf('One of N samples, by who chooses', labels.common),
    columns: [...labels.names.map(left), left('by'), ...sizes.map((size) => right(`N = ${size} %`))],
    rows: runs.flatMap(({ labels: own, summary }) =>
      RANKER_NAMES.map((ranker) => [
        ...labels.cellsOf(own),
        RANKER_TITLES[ranker],
        ...sizes.map((size) => rankerCell(summary, ranker, size)),
      ]),
    ),
    intervals: 'half-width',
    decimals: 1,
    notes: [...numberNotes(runs), selectionNote(runs), ...reasons(runs)],
  };
}

/** What the scores of tokens are worth where they become one in another way. */
export function selectorTable(input: TableInput): PaperTable {
  const { runs } = input;
  const size = sizeOf(input, 'selector-variants');
  const labels = labelColumns(runs.map((run) => run.labels));
  return {
    name: `selector-variants-${size}`,
    title: titleOf(`Best of ${size} by the reward, by how token scores become one`, labels.common),
    columns: [
      ...labels.names.map(left),
      left('token scores by'),
      right('pass@1 %'),
      right('Δ discounted mean'),
      right('AUROC %'),
    ],
    rows: runs.flatMap(({ labels: own, summary: { selectors, bestOfN } }) => {
      if (selectors === null) {
        return [[...labels.cellsOf(own), 'any', shareCell(null), pointsCell(null), shareCell(null)]];
      }
      const at = bestOfN.sizes.indexOf(size);
      const isLargest = at === bestOfN.sizes.length - 1;
      return selectors.map(({ selector, estimates, overDiscountedMean, auroc }) => [
        ...labels.cellsOf(own),
        selector,
        shareCell(estimates[at]),
        // Paired differences are computed at the largest N.
        selector === 'discounted-mean' ? '' : pointsCell(isLargest ? overDiscountedMean : null),
        shareCell(auroc),
      ]);
    }),
    intervals: 'bounds',
    decimals: 1,
    notes: [...numberNotes(runs), 'Δ: paired over prompts, in points, at the largest N.', ...reasons(runs)],
  };
}

function rankerCell({ bestOfN }: EvaluationSummary, ranker: RankerName, size: number): NumberCell {
  const at = bestOfN.sizes.indexOf(size);
  const estimates = bestOfN.rows.find((row) => row.ranker === ranker)?.estimates;
  return shareCell(estimates?.[at]);
}

function reasons(runs: TableInput['runs']): string[] {
  return missingNotes(runs.flatMap(({ summary }) => summary.bestOfN.rows.map(({ unavailable }) => unavailable)));
}
