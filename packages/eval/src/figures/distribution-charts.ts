import { FORMAT_REWARDS } from '@dawngrad/airl';
import { rewardOf } from '../evaluation/candidates.ts';
import type { RewardDifference } from '../evaluation/reward-tests.ts';
import { numberNotes } from '../tables/number-notes.ts';
import { labelColumns, type PlotRun, runTitles } from '../tables/plot-run.ts';
import { missingNotes, titleOf } from '../tables/table-input.ts';
import { densityBars, kernelDensity } from './density.ts';
import { type ChartSpec, COLUMN_WIDTH, type Figure } from './figure.ts';
import { checkSeries, type FigureInput } from './figure-input.ts';
import { RIGHT, WRONG } from './palette.ts';
import { seriesOf } from './series.ts';

const BINS = 50;
const CURVE_POINTS = 160;

interface Side {
  readonly name: string;
  readonly values: readonly number[];
}

/** Rewards of correct and of wrong completions: histograms and densities. */
export function rewardDistributionFigure({ runs }: FigureInput): Figure {
  return figureOf(runs, 'reward-distribution', 'Rewards of correct and wrong completions', 'correct', ({ summary }) => [
    { name: 'correct', values: summary.rewards.correct },
    { name: 'wrong', values: summary.rewards.wrong },
  ]);
}

/** Rewards of completions in the strict format and of the others. */
export function formatRewardFigure({ runs, rowsOf }: FigureInput): Figure {
  return figureOf(runs, 'format-rewards', 'Rewards by format', 'strict format', (run) => {
    const scored = rowsOf(run).flatMap((row) => {
      const reward = rewardOf(row, run.summary.selector);
      if (reward === null || !Number.isFinite(reward)) return [];
      return [{ reward, isStrict: FORMAT_REWARDS.strict_format(row.generation.content) > 0 }];
    });
    // In order of size, so that the order of rows does not show in a last digit.
    const side = (wanted: boolean): number[] =>
      scored
        .filter(({ isStrict }) => isStrict === wanted)
        .map(({ reward }) => reward)
        .sort((a, b) => a - b);
    return [
      { name: 'strict format', values: side(true) },
      { name: 'other', values: side(false) },
    ];
  });
}

function figureOf(
  runs: readonly PlotRun[],
  name: string,
  subject: string,
  kind: RewardDifference['kind'],
  sidesOf: (run: PlotRun) => readonly [Side, Side],
): Figure {
  checkSeries(runs.length, `figure ${name}`, 4);
  const titles = runTitles(runs.map(({ labels }) => labels));
  const sides = runs.map(sidesOf);
  const { common } = labelColumns(runs.map(({ labels }) => labels));
  return {
    name,
    caption: [
      `${titleOf(subject, common)}.`,
      ...numberNotes(runs),
      ...runs.map((run, i) => testNote(run, kind, sides[i]!, runs.length > 1 ? titles[i]! : undefined)),
      'Welch counts completions as independent; the interval of the difference is over prompts.',
      ...missingNotes([sides.some(([a, b]) => a.values.length + b.values.length === 0) ? 'no critic scores' : null]),
    ],
    drawing: { kind: 'chart', spec: chart(sides, titles) },
  };
}

function testNote(
  { summary }: PlotRun,
  kind: RewardDifference['kind'],
  [of, others]: readonly [Side, Side],
  title: string | undefined,
): string {
  const found = summary.rewardDifferences?.find((row) => row.kind === kind);
  const { difference, welch } = found ?? {};
  const parts = [
    `${of.values.length} ${of.name}, ${others.values.length} ${others.name}`,
    ...(difference
      ? [`difference ${difference.value.toFixed(2)} [${difference.low.toFixed(2)}, ${difference.high.toFixed(2)}]`]
      : []),
    ...(welch ? [`Welch t = ${welch.t.toFixed(1)}, p ${welch.p < 0.001 ? '< 0.001' : `= ${welch.p.toFixed(3)}`}`] : []),
  ];
  return `${title === undefined ? '' : `${title}: `}${parts.join('; ')}.`;
}

function chart(sides: readonly (readonly [Side, Side])[], panels: readonly string[]): ChartSpec {
  const names = sides[0]!.map(({ name }) => name);
  const all = sides.flatMap((pair) => pair.flatMap(({ values }) => values));
  const [low, high] =
    all.length === 0 ? [0, 1] : all.reduce(([a, b], v) => [Math.min(a, v), Math.max(b, v)], [all[0]!, all[0]!]);
  const end = high > low ? high : low + 1;
  const bars = sides.flatMap((pair, i) =>
    pair.flatMap(({ name, values }) =>
      densityBars(values, low, end, BINS).map((bar) => ({ ...bar, series: name, panel: panels[i]! })),
    ),
  );
  const curves = sides.flatMap((pair, i) =>
    pair.flatMap(({ name, values }) =>
      kernelDensity(values, low, end, CURVE_POINTS).map((point) => ({ ...point, series: name, panel: panels[i]! })),
    ),
  );
  const isFaceted = panels.length > 1;
  const color = seriesOf(names, [RIGHT, WRONG]);
  const x = {
    type: 'quantitative',
    title: 'reward (logit)',
    scale: { nice: false, zero: false },
    axis: { grid: false },
  };
  const y = { field: 'density', type: 'quantitative', title: 'density' };
  const unit = {
    width: isFaceted ? COLUMN_WIDTH / 2 - 38 : COLUMN_WIDTH - 52,
    height: isFaceted ? 110 : 150,
    layer: [
      {
        transform: [{ filter: 'isValid(datum.low)' }],
        mark: { type: 'rect', opacity: 0.32, stroke: null },
        encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y, y2: { datum: 0 }, color },
      },
      {
        transform: [{ filter: 'isValid(datum.x)' }],
        mark: { type: 'line', strokeWidth: 1.6 },
        encoding: {
          x: { ...x, field: 'x' },
          y,
          color,
          strokeDash: {
            ...seriesOf(names, []),
            scale: {
              domain: names,
              range: [
                [1, 0],
                [4, 2],
              ],
            },
          },
        },
      },
    ],
  };
  const data = { values: [...bars, ...curves] };
  if (!isFaceted) return { data, ...unit } as unknown as ChartSpec;
  return {
    data,
    columns: 2,
    facet: { field: 'panel', type: 'nominal', title: null, sort: [...panels] },
    spec: unit,
    spacing: { row: 14, column: 12 },
  } as unknown as ChartSpec;
}
