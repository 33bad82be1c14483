import type { EvaluationSummary } from '../evaluate-rows.ts';
import { RANKER_NAMES } from '../metrics/rerank.ts';
import type { Estimate } from '../stats/estimate.ts';
import { numberNotes, selectionNote } from '../tables/number-notes.ts';
import { labelColumns, runTitles } from '../tables/plot-run.ts';
import { missingNotes, RANKER_TITLES, titleOf } from '../tables/table-input.ts';
import { type ChartSpec, COLUMN_WIDTH, type Figure } from './figure.ts';
import { checkSeries, type FigureInput } from './figure-input.ts';
import { CATEGORIES, SHAPES } from './palette.ts';
import { seriesOf } from './series.ts';

interface Point {
  readonly x: number;
  readonly series: string;
  readonly panel?: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** pass@k over k, a line a run. */
export function passAtKFigure({ runs }: FigureInput): Figure {
  checkSeries(runs.length, 'figure pass-at-k');
  const titles = runTitles(runs.map(({ labels }) => labels));
  const points = runs.flatMap(({ summary }, i) => summary.passAtK.map(({ k, plain }) => point(k, titles[i]!, plain)));
  const { common } = labelColumns(runs.map(({ labels }) => labels));
  return {
    name: 'pass-at-k',
    caption: [`${titleOf('pass@k', common)}.`, ...numberNotes(runs)],
    drawing: { kind: 'chart', spec: lines(points, titles, 'samples k', 'pass@k (%)') },
  };
}

/** A correct one among the k best by the reward beside one among k random samples. */
export function rewardVsRandomFigure({ runs }: FigureInput): Figure {
  checkSeries(runs.length, 'figure reward-vs-random', 4);
  const titles = runTitles(runs.map(({ labels }) => labels));
  const series = ['k best by the reward', 'k random samples'];
  const points = runs.flatMap(({ summary: { passAtK, successAtK } }, i) => [
    ...(successAtK ?? []).map(({ k, estimate }) => ({ ...point(k, series[0]!, estimate), panel: titles[i]! })),
    ...passAtK.map(({ k, plain }) => ({ ...point(k, series[1]!, plain), panel: titles[i]! })),
  ]);
  const { common } = labelColumns(runs.map(({ labels }) => labels));
  return {
    name: 'reward-vs-random',
    caption: [
      `${titleOf('A correct sample among k', common)}.`,
      ...numberNotes(runs),
      selectionNote(runs),
      ...missingNotes([runs.some(({ summary }) => summary.successAtK === null) ? 'no critic scores' : null]),
    ],
    drawing: { kind: 'chart', spec: lines(points, series, 'k', 'with a correct one (%)', titles) },
  };
}

/** One of N samples by every way to choose, over N. */
export function bestOfNFigure({ runs }: FigureInput): Figure {
  checkSeries(runs.length, 'figure best-of-n', 4);
  const titles = runTitles(runs.map(({ labels }) => labels));
  const series = RANKER_NAMES.map((ranker) => RANKER_TITLES[ranker]);
  const points = runs.flatMap(({ summary }, i) => bestOfPoints(summary).map((one) => ({ ...one, panel: titles[i]! })));
  const shown = series.filter((name) => points.some((one) => one.series === name));
  const { common } = labelColumns(runs.map(({ labels }) => labels));
  return {
    name: 'best-of-n',
    caption: [
      `${titleOf('One of N samples, by who chooses', common)}.`,
      ...numberNotes(runs),
      selectionNote(runs),
      ...missingNotes(runs.flatMap(({ summary }) => summary.bestOfN.rows.map(({ unavailable }) => unavailable))),
    ],
    drawing: { kind: 'chart', spec: lines(points, shown, 'samples N', 'correct (%)', titles) },
  };
}

function bestOfPoints({ bestOfN: { rows, sizes } }: EvaluationSummary): Point[] {
  return rows.flatMap(({ ranker, estimates }) =>
    (estimates ?? []).map((estimate, i) => point(sizes[i]!, RANKER_TITLES[ranker], estimate)),
  );
}

function point(x: number, series: string, { value, low, high }: Estimate): Point {
  return { x, series, value: 100 * value, low: 100 * low, high: 100 * high };
}

/**
 * Lines with points and error bars over a logarithmic axis, series a little apart so that bars do not hide each other;
 * a panel for each of `panels` where there are several.
 */
function lines(
  points: readonly Point[],
  series: readonly string[],
  xTitle: string,
  yTitle: string,
  panels: readonly string[] = [],
): ChartSpec {
  const xs = [...new Set(points.map(({ x }) => x))].sort((a, b) => a - b);
  const step = Math.min(0.02, 0.08 / series.length);
  const range = Math.log((xs.at(-1) ?? 1) / (xs[0] ?? 1)) || 1;
  const values = points.map((one) => ({
    ...one,
    at: one.x * Math.exp((series.indexOf(one.series) - (series.length - 1) / 2) * step * range),
  }));
  const columns = panels.length > 1 && series.length <= 3 ? 2 : 1;
  const margin = range * (step * series.length * 0.5 + 0.02);
  const encoding = {
    x: {
      field: 'at',
      type: 'quantitative',
      title: xTitle,
      scale: {
        type: 'log',
        base: 2,
        nice: false,
        domain: [(xs[0] ?? 1) * Math.exp(-margin), (xs.at(-1) ?? 1) * Math.exp(margin)],
      },
      axis: { values: xs, grid: false, format: 'd' },
    },
    color: seriesOf(series, CATEGORIES),
  };
  const layer = [
    { mark: { type: 'line', strokeWidth: 1.2 }, encoding: { y: yOf('value', yTitle) } },
    {
      mark: { type: 'rule', strokeWidth: 1, opacity: series.length > 4 ? 0.55 : 1 },
      encoding: { y: yOf('low', yTitle), y2: { field: 'high' } },
    },
    {
      mark: { type: 'point', filled: true, size: series.length > 4 ? 18 : 26, opacity: 1 },
      encoding: { y: yOf('value', yTitle), shape: seriesOf(series, SHAPES) },
    },
  ];
  const width = columns === 2 ? COLUMN_WIDTH / 2 - 38 : COLUMN_WIDTH - 52;
  const unit = { width, height: panels.length > 1 ? 130 : 165, encoding, layer };
  const data = { values };
  if (panels.length < 2) return { data, ...unit } as unknown as ChartSpec;
  return {
    data,
    columns,
    facet: { field: 'panel', type: 'nominal', title: null, sort: [...panels] },
    spec: unit,
    spacing: { row: 14, column: 12 },
  } as unknown as ChartSpec;
}

function yOf(field: string, title: string): object {
  return { field, type: 'quantitative', title, scale: { zero: false, nice: true } };
}
