import { numberNotes, selectionNote } from '../tables/number-notes.ts';
import { labelColumns, runTitles } from '../tables/plot-run.ts';
import { titleOf } from '../tables/table-input.ts';
import { checkTransfer } from '../tables/transfer-table.ts';
import { type ChartSpec, COLUMN_WIDTH, type Figure } from './figure.ts';
import { checkSeries, type FigureInput } from './figure-input.ts';
import { divergingColour } from './palette.ts';

interface MatrixCell {
  readonly row: string;
  readonly column: string;
  readonly panel: string;
  /** -1 to 1 on the scale of colours; null is drawn empty. */
  readonly value: number | null;
  readonly text: string;
}

/** Correlations between reward, formats, verdict, length and log-probability of completions. */
export function correlationFigure({ runs }: FigureInput): Figure {
  checkSeries(runs.length, 'figure correlation', 4);
  const titles = runTitles(runs.map(({ labels }) => labels));
  const cells = runs.flatMap(({ summary: { correlations } }, i) =>
    correlations.names.flatMap((row, r) =>
      correlations.names.map((column, c): MatrixCell => {
        const value = correlations.pearson[r]![c]!;
        return {
          row,
          column,
          panel: titles[i]!,
          value,
          text: value === null ? 'n/a' : value.toFixed(2).replace(/^-(0\.00)$/, '$1'),
        };
      }),
    ),
  );
  const names = [...new Set(runs.flatMap(({ summary }) => summary.correlations.names))];
  const { common } = labelColumns(runs.map(({ labels }) => labels));
  return {
    name: 'correlation',
    caption: [
      `${titleOf("Pearson's correlations of completions", common)}.`,
      `n: ${runs.map(({ summary }) => `${summary.correlations.completions} completions`).join(', ')}. n/a: a column does not vary.`,
      'Of strict format and correct with a number: the point-biserial correlation. Orange below 0, blue above.',
    ],
    drawing: { kind: 'chart', spec: matrix(cells, names, names, titles, '', '') },
  };
}

/** What the reward of one domain gains on samples of another, as a matrix a critic. */
export function transferFigure({ runs }: FigureInput): Figure {
  checkTransfer(runs);
  const others = labelColumns(
    runs.map(({ labels }) => labels),
    ['domain', 'reward_domain'],
  );
  const titles = runTitles(
    runs.map(({ labels }) => labels),
    ['domain', 'reward_domain'],
  );
  checkSeries(new Set(titles).size, 'figure transfer', 4);
  const largest = Math.max(...runs.map(({ summary }) => Math.abs(summary.rewardGain?.overRandom.value ?? 0)), 1e-9);
  const cells = runs.map(({ labels, summary }, i): MatrixCell => {
    const gain = summary.rewardGain?.overRandom;
    return {
      row: labels.domain!,
      column: labels.reward_domain!,
      panel: titles[i]!,
      value: gain === undefined ? null : gain.value / largest,
      text: gain === undefined ? 'n/a' : `${gain.value > 0 ? '+' : ''}${(100 * gain.value).toFixed(1)}`,
    };
  });
  const rows = [...new Set(cells.map(({ row }) => row))];
  const columns = [...new Set(cells.map(({ column }) => column))];
  return {
    name: 'transfer',
    caption: [
      `${titleOf('Best of N by the reward of another domain less a random sample, points', others.common)}.`,
      ...numberNotes(runs).slice(0, 1),
      selectionNote(runs),
      `Intervals are in the table transfer. Orange: a loss, blue: a gain; full colour at ${(100 * largest).toFixed(1)} points. Empty: no run.`,
    ],
    drawing: {
      kind: 'chart',
      spec: matrix(cells, rows, columns, [...new Set(titles)], 'domain of the policy', 'domain of the reward'),
    },
  };
}

function matrix(
  cells: readonly MatrixCell[],
  rows: readonly string[],
  columns: readonly string[],
  panels: readonly string[],
  rowTitle: string,
  columnTitle: string,
): ChartSpec {
  const isFaceted = panels.length > 1;
  const side = Math.min(44, (isFaceted ? 130 : COLUMN_WIDTH - 96) / columns.length);
  const values = cells.map((cell) => ({
    ...cell,
    colour: cell.value === null ? '#ffffff' : divergingColour(cell.value),
  }));
  const unit = {
    width: side * columns.length,
    height: Math.min(side, 34) * rows.length,
    encoding: {
      x: {
        field: 'column',
        type: 'nominal',
        sort: [...columns],
        title: columnTitle || null,
        axis: { labelAngle: -40, grid: false, ticks: false, domain: false },
      },
      y: {
        field: 'row',
        type: 'nominal',
        sort: [...rows],
        title: rowTitle || null,
        axis: { grid: false, ticks: false, domain: false },
      },
    },
    layer: [
      {
        mark: { type: 'rect', stroke: '#bbbbbb', strokeWidth: 0.6 },
        encoding: { fill: { field: 'colour', type: 'nominal', scale: null } },
      },
      { mark: { type: 'text', fontSize: side < 30 ? 6.5 : 8 }, encoding: { text: { field: 'text', type: 'nominal' } } },
    ],
  };
  const data = { values };
  if (!isFaceted) return { data, ...unit } as unknown as ChartSpec;
  return {
    data,
    columns: 2,
    facet: { field: 'panel', type: 'nominal', title: null, sort: [...panels] },
    spec: unit,
    spacing: 14,
  } as unknown as ChartSpec;
}
