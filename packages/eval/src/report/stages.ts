import { METRICS, type MetricDefinition } from '@dawngrad/airl';
import type { PageMetric, PageStage } from './page-data.ts';

/** One line of metrics.jsonl. Only finite numbers are drawn; `step` is the horizontal axis. */
export type MetricRow = Readonly<Record<string, unknown>>;

/** What one run logged in one stage. */
export interface StageMetrics {
  readonly name: string;
  /** Index of the run. */
  readonly run: number;
  readonly metrics: readonly MetricRow[];
}

/** What a reader wants to see first; the first `SHOWN` of them that a stage logged are drawn unasked. */
const PREFERRED: readonly (readonly [key: string, label: string])[] = [
  ['eval/accuracy', 'dev pass@1'],
  ['accuracy', 'accuracy'],
  ['reward', 'reward'],
  ['loss', 'loss'],
  ['disc/auroc', 'critic AUROC'],
  ['disc/acc', 'critic accuracy'],
  ['kl', 'KL to reference'],
  ['entropy', 'entropy'],
  ['completions/mean_length', 'completion length'],
  ['disc/loss', 'critic loss'],
];
const SHOWN = 6;
/** More points than pixels only make the file larger. */
const MAX_POINTS = 600;

/** The curves of all runs, those of stages of the same name together. */
export function pageStages(given: readonly StageMetrics[]): PageStage[] {
  const names = [...new Set(given.map(({ name }) => name))];
  return names
    .map((name): PageStage => {
      const own = given.filter((stage) => stage.name === name);
      const keys = [...new Set(own.flatMap(({ metrics }) => metrics.flatMap((row) => Object.keys(row))))];
      const metrics = keys
        .filter((key) => key !== 'step' && key !== 'schema')
        .map((key) => ({
          key,
          lines: own.map(({ run, metrics }) => ({ run, ...lineOf(metrics, key) })).filter(({ x }) => x.length > 1),
        }))
        .filter(({ lines }) => lines.length > 0);
      const present = PREFERRED.filter(([key]) => metrics.some((one) => one.key === key)).map(([key]) => key);
      const shown = new Set(present.slice(0, SHOWN));
      return { name, metrics: metrics.map((one) => described(one, shown)).sort(byPreference) };
    })
    .filter(({ metrics }) => metrics.length > 0);
}

function described({ key, lines }: Pick<PageMetric, 'key' | 'lines'>, shown: ReadonlySet<string>): PageMetric {
  const definition = (METRICS as Readonly<Record<string, MetricDefinition>>)[key];
  const label = PREFERRED.find(([name]) => name === key)?.[1] ?? key;
  const unit = definition?.unit ?? '';
  return { key, label, unit: unit === '-' ? '' : unit, isShown: shown.has(key), lines };
}

function byPreference(a: PageMetric, b: PageMetric): number {
  const rank = ({ key }: PageMetric): number => {
    const found = PREFERRED.findIndex(([name]) => name === key);
    return found < 0 ? PREFERRED.length : found;
  };
  return rank(a) - rank(b) || (a.key < b.key ? -1 : 1);
}

function lineOf(metrics: readonly MetricRow[], key: string): { x: number[]; y: number[] } {
  // Several rows of a step, such as those of a critic's warm-up: the last one counts.
  const points = new Map<number, number>();
  for (const row of metrics) {
    const { step } = row;
    const value = row[key];
    if (typeof step === 'number' && typeof value === 'number' && Number.isFinite(step) && Number.isFinite(value)) {
      points.set(step, value);
    }
  }
  const few = thin([...points].sort((a, b) => a[0] - b[0]));
  return { x: few.map(([step]) => step), y: few.map(([, value]) => Number(value.toPrecision(6))) };
}

/** Means over equal runs of points, at the run's last step. */
function thin(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const size = Math.ceil(points.length / MAX_POINTS);
  if (size <= 1) return [...points];
  const means: [number, number][] = [];
  for (let start = 0; start < points.length; start += size) {
    const some = points.slice(start, start + size);
    means.push([some.at(-1)![0], some.reduce((sum, [, value]) => sum + value, 0) / some.length]);
  }
  return means;
}
