import type { EvaluationSummary } from '../evaluate-rows.ts';
import { RANKER_NAMES } from '../metrics/rerank.ts';
import type { Estimate } from '../stats/estimate.ts';
import { numberNotes, selectionNote } from '../tables/number-notes.ts';
import { labelColumns, runTitles } from '../tables/plot-run.ts';
import { missingNotes, RANKER_TITLES, titleOf } from '../tables/table-input.ts';
import { type ChartSpec, COLUMN_WIDTH, type Figure } from './figure.ts';
import { checkSeries, type FigureInput } from './figure-input.ts';
import { CATEGORIES, SHAPES } from './palette.ts';

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

/** Lines with points and error bars, side by side at each x; a panel for each of `panels` where there are several. */
function lines(
  points: readonly Point[],
  series: readonly string[],
  xTitle: string,
  yTitle: string,
  panels: readonly string[] = [],
): ChartSpec {
  const isFaceted = panels.length > 1;
  const width = isFaceted ? COLUMN_WIDTH / 2 - 52 : COLUMN_WIDTH - 60;
  const encoding = {
    x: {
      field: 'x',
      type: 'ordinal',
      title: xTitle,
      scale: { paddingInner: 0.35, paddingOuter: 0.2 },
      axis: { labelAngle: 0 },
    },
    xOffset: { field: 'series', type: 'nominal', sort: [...series] },
    color: {
      field: 'series',
      type: 'nominal',
      sort: [...series],
      title: null,
      scale: { domain: [...series], range: CATEGORIES.slice(0, series.length) },
      legend: { columns: Math.min(3, series.length) },
    },
  };
  const layer = [
    { mark: { type: 'line', strokeWidth: 1.2, opacity: 0.75 }, encoding: { y: yOf('value', yTitle) } },
    {
      mark: { type: 'rule', strokeWidth: 1 },
      encoding: { y: yOf('low', yTitle), y2: { field: 'high' } },
    },
    {
      mark: { type: 'point', filled: true, size: 24, opacity: 1 },
      encoding: {
        y: yOf('value', yTitle),
        shape: {
          field: 'series',
          type: 'nominal',
          sort: [...series],
          title: null,
          scale: { domain: [...series], range: SHAPES.slice(0, series.length) },
          legend: { columns: Math.min(3, series.length) },
        },
      },
    },
  ];
  const unit = { width, height: isFaceted ? 120 : 165, encoding, layer };
  const data = { values: points as readonly object[] };
  if (!isFaceted) return { data, ...unit } as unknown as ChartSpec;
  return {
    data,
    columns: 2,
    facet: { field: 'panel', type: 'nominal', title: null, sort: [...panels] },
    spec: unit,
    spacing: { row: 12, column: 14 },
  } as unknown as ChartSpec;
}

function yOf(field: string, title: string): object {
  return { field, type: 'quantitative', title, scale: { zero: false, nice: true } };
}
