import { METRICS } from '@dawngrad/airl';
import { ToolError } from '@dawngrad/tensor';
import { labelColumns, type RunLabels, runTitles } from '../tables/plot-run.ts';
import { titleOf } from '../tables/table-input.ts';
import { type ChartSpec, COLUMN_WIDTH, type Figure } from './figure.ts';
import { checkSeries, type FigureInput, type TrainingRun } from './figure-input.ts';
import { CATEGORIES } from './palette.ts';
import { seriesOf } from './series.ts';

/** Metrics that are drawn unless others are asked for, those that the runs have. */
const USUAL = ['reward', 'loss', 'disc/acc', 'completions/mean_length', 'eval/accuracy'];

/** Training metrics over steps: the mean of the seeds of a run, with a band from the least to the largest. */
export function trainingFigure({ trainings, metrics }: FigureInput): Figure {
  const groups = bySeed(trainings);
  checkSeries(groups.length, 'figure training-curves');
  const keys = shownKeys(trainings, metrics);
  const titles = runTitles(groups.map(({ labels }) => labels));
  const panels = keys.map((key) => ({
    key,
    values: groups.flatMap(({ runs }, i) => curve(runs, key).map((point) => ({ ...point, series: titles[i]! }))),
  }));
  const { common } = labelColumns(groups.map(({ labels }) => labels));
  const seeds = groups.map(({ runs }) => runs.length);
  const width = COLUMN_WIDTH - 48;
  return {
    name: 'training-curves',
    caption: [
      `${titleOf('Training', common)}.`,
      `n: ${groups.map(({ runs }, i) => `${titles[i]} ${runs.length} ${runs.length === 1 ? 'seed' : 'seeds'}`).join(', ')}.`,
      seeds.some((count) => count > 1)
        ? 'Lines: mean over seeds at steps that all of them have; bands: least to largest of them, not an interval.'
        : 'One seed each: no band.',
    ],
    drawing: {
      kind: 'chart',
      spec: {
        spacing: 8,
        vconcat: panels.map(({ key, values }, i) => ({
          title: {
            text: titleOfMetric(key),
            anchor: 'start',
            frame: 'group',
            fontSize: 8.5,
            fontWeight: 'normal',
            offset: 3,
          },
          width,
          height: 90,
          data: { values },
          encoding: {
            x: {
              field: 'step',
              type: 'quantitative',
              title: i === panels.length - 1 ? 'step' : null,
              scale: { nice: false },
              axis: { grid: false, tickMinStep: 1 },
            },
            color: seriesOf(titles, CATEGORIES),
          },
          layer: [
            {
              mark: { type: 'area', opacity: 0.22 },
              encoding: { y: yOf('low'), y2: { field: 'high' } },
            },
            { mark: { type: 'line', strokeWidth: 1.3 }, encoding: { y: yOf('mean') } },
          ],
        })),
      } as unknown as ChartSpec,
    },
  };
}

function shownKeys(trainings: readonly TrainingRun[], asked: readonly string[] | undefined): readonly string[] {
  const present = new Set(trainings.flatMap(({ metrics }) => metrics.flatMap((row) => Object.keys(row))));
  const keys = asked ?? USUAL.filter((key) => present.has(key));
  const absent = keys.find((key) => !present.has(key));
  if (absent === undefined && keys.length > 0) return keys;
  throw new ToolError('config', {
    op: 'figure training-curves, metrics',
    expected: `metrics that the runs have: ${[...present].sort().join(', ') || 'none'}`,
    got: absent ?? 'none of the usual ones',
  });
}

function bySeed(trainings: readonly TrainingRun[]): { readonly labels: RunLabels; readonly runs: TrainingRun[] }[] {
  const groups = new Map<string, { labels: RunLabels; runs: TrainingRun[] }>();
  for (const run of trainings) {
    const { seed: _, ...labels } = run.labels;
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { labels, runs: [run] });
    else group.runs.push(run);
  }
  return [...groups.values()];
}

interface CurvePoint {
  readonly step: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** A run that went on after a stop may have a step twice: the later row counts. */
function curve(runs: readonly TrainingRun[], key: string): CurvePoint[] {
  const bySteps = runs.map(
    ({ metrics }) =>
      new Map(
        metrics.flatMap((row): [number, number][] => {
          const [step, value] = [row.step, row[key]];
          return typeof step === 'number' && typeof value === 'number' ? [[step, value]] : [];
        }),
      ),
  );
  const steps = [...(bySteps[0]?.keys() ?? [])].filter((step) => bySteps.every((one) => one.has(step)));
  return steps
    .sort((a, b) => a - b)
    .map((step) => {
      const values = bySteps.map((one) => one.get(step)!);
      const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
      return { step, mean, low: Math.min(...values), high: Math.max(...values) };
    });
}

function yOf(field: string): object {
  return { field, type: 'quantitative', title: null, scale: { zero: false } };
}

function titleOfMetric(key: string): string {
  const unit = Object.hasOwn(METRICS, key) ? METRICS[key as keyof typeof METRICS].unit : '-';
  return unit === '-' || unit === key ? key : `${key} (${unit})`;
}
