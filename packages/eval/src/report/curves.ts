/** One line of metrics.jsonl. Only finite numbers are drawn; `step` is the horizontal axis. */
export type MetricRow = Readonly<Record<string, unknown>>;

export interface Curve {
  readonly key: string;
  readonly label: string;
  readonly points: readonly (readonly [step: number, value: number])[];
}

export interface StageCurves {
  readonly name: string;
  readonly curves: readonly Curve[];
}

/** What a reader wants to see first, with the unit; the first three that a stage logged are drawn. */
const PREFERRED: readonly (readonly [key: string, label: string])[] = [
  ['eval/accuracy', 'dev pass@1'],
  ['accuracy', 'accuracy'],
  ['reward', 'reward'],
  ['loss', 'loss (nats)'],
  ['disc/acc', 'critic accuracy'],
  ['disc/auroc', 'critic AUROC'],
  ['disc/loss', 'critic loss (nats)'],
  ['kl', 'KL to reference (nats)'],
  ['entropy', 'entropy (nats/token)'],
  ['completions/mean_length', 'completion length (tokens)'],
];

const MAX_CURVES = 3;
/** More points than pixels only make the file larger. */
const MAX_POINTS = 240;

/** The curves of a stage. Without `keys`, the preferred metrics that change over at least two steps. */
export function stageCurves(name: string, metrics: readonly MetricRow[], keys?: readonly string[]): StageCurves {
  const labels = new Map(PREFERRED);
  const wanted = keys ?? PREFERRED.map(([key]) => key);
  const curves = wanted
    .map((key): Curve => ({ key, label: labels.get(key) ?? key, points: thin(pointsOf(metrics, key)) }))
    .filter((curve) => curve.points.length > 1);
  return { name, curves: keys === undefined ? curves.slice(0, MAX_CURVES) : curves };
}

/**
 * Centred moving average over 2 * reach + 1 values, at the ends over those that there are. Centred,
 * since a trailing average would draw a rising curve below its own values.
 */
export function smooth(values: readonly number[], reach: number): number[] {
  return values.map((_, i) => mean(values.slice(Math.max(0, i - reach), i + reach + 1)));
}

function pointsOf(metrics: readonly MetricRow[], key: string): [number, number][] {
  const points: [number, number][] = [];
  for (const row of metrics) {
    const { step } = row;
    const value = row[key];
    if (typeof step === 'number' && typeof value === 'number' && Number.isFinite(step) && Number.isFinite(value)) {
      points.push([step, value]);
    }
  }
  return points.sort((a, b) => a[0] - b[0]);
}

/** Means over equal runs of points, at the run's mean step. */
function thin(points: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  const run = Math.ceil(points.length / MAX_POINTS);
  if (run <= 1) return [...points];
  const means: [number, number][] = [];
  for (let start = 0; start < points.length; start += run) {
    const some = points.slice(start, start + run);
    means.push([mean(some.map(([step]) => step)), mean(some.map(([, value]) => value))]);
  }
  return means;
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
