import type { Estimate } from '../stats/estimate.ts';
import { type Interval, percentileInterval } from '../stats/resample.ts';
import type { StratifiedResamples } from '../stats/stratified.ts';
import { fitThreshold } from './fit-threshold.ts';
import { type StepTrace, stepBadness, stepChanges } from './step-trace.ts';
import { SIGNAL_NAMES } from './trace-signals.ts';

/** One way to say whether a trace is wrong, and at which step. */
export interface ProcessRow {
  readonly localiser: string;
  /** Fitted on dev traces; null for baselines that have none. */
  readonly threshold: number | null;
  readonly n_erroneous: number;
  readonly n_correct: number;
  /** Share of the erroneous traces whose first wrong step is named, and of the correct ones that are left alone. */
  readonly accuracy_erroneous: number | null;
  readonly accuracy_correct: number | null;
  /** Their harmonic mean. */
  readonly f1: Estimate | null;
}

/** Harmonic mean of two accuracies; 0 where both are 0. */
export function harmonicMean(a: number, b: number): number {
  return a + b === 0 ? 0 : (2 * a * b) / (a + b);
}

/** The credit of a prediction of a trace: 1 where it is right, or the chance that it is. */
type Credit = (trace: StepTrace) => number;

/**
 * ProcessBench's F1 (Zheng et al. 2024): the harmonic mean of the accuracies on erroneous and on
 * correct traces. Without dev traces no threshold can be fitted, and only baselines are left.
 */
export function processRows(
  traces: readonly StepTrace[],
  dev: readonly StepTrace[],
  resamples: StratifiedResamples,
): ProcessRow[] {
  const row = (localiser: string, threshold: number | null, credit: Credit): ProcessRow => {
    const credits = traces.map((trace) => ({ trace, credit: credit(trace) }));
    const of = (isWrong: boolean) => credits.filter(({ trace }) => (trace.firstError !== null) === isWrong);
    const [wrong, right] = [of(true), of(false)];
    const f1 = accuracies(credits, resamples);
    return {
      localiser,
      threshold,
      n_erroneous: wrong.length,
      n_correct: right.length,
      accuracy_erroneous: meanCredit(wrong),
      accuracy_correct: meanCredit(right),
      f1,
    };
  };
  const fitted = SIGNAL_NAMES.flatMap((name) =>
    (
      [
        [`${name}, first bad step`, firstOver, (trace: StepTrace) => stepBadness(trace, name)],
        [`${name}, largest change`, largestOver, (trace: StepTrace) => stepChanges(trace, name)],
      ] as const
    ).flatMap(([localiser, rule, valuesOf]) => {
      if (dev.length === 0) return [];
      const values = new Map([...traces, ...dev].map((trace) => [trace, valuesOf(trace)]));
      const credit =
        (threshold: number): Credit =>
        (trace) =>
          Number(rule(values.get(trace)!, threshold) === trace.firstError);
      const threshold = fitThreshold(
        dev.flatMap((trace) => values.get(trace)!),
        (candidate) => plainF1(dev, credit(candidate)),
      );
      return row(localiser, threshold, credit(threshold));
    }),
  );
  return [
    // Every step and "no error" are equally likely.
    row('chance', null, ({ stepEnds }) => 1 / (stepEnds.length + 1)),
    row('always first', null, ({ firstError }) => Number(firstError === 0)),
    ...fitted,
  ];
}

/** The first step that is worse than the threshold. */
function firstOver(values: readonly number[], threshold: number): number | null {
  const step = values.findIndex((value) => value > threshold);
  return step < 0 ? null : step;
}

/** The worst step, if it is worse than the threshold. */
function largestOver(values: readonly number[], threshold: number): number | null {
  let worst = 0;
  for (let step = 1; step < values.length; step++) if (values[step]! > values[worst]!) worst = step;
  return values[worst]! > threshold ? worst : null;
}

function plainF1(traces: readonly StepTrace[], credit: Credit): number {
  const of = (isWrong: boolean) =>
    traces
      .filter(({ firstError }) => (firstError !== null) === isWrong)
      .map((trace) => ({ trace, credit: credit(trace) }));
  // A dev set without one of the kinds is judged by the other.
  const [wrong, right] = [meanCredit(of(true)), meanCredit(of(false))];
  if (wrong === null || right === null) return wrong ?? right ?? 0;
  return harmonicMean(wrong, right);
}

function meanCredit(credits: readonly { readonly credit: number }[]): number | null {
  return credits.length === 0 ? null : credits.reduce((sum, { credit }) => sum + credit, 0) / credits.length;
}

function accuracies(
  credits: readonly { readonly trace: StepTrace; readonly credit: number }[],
  resamples: StratifiedResamples,
): Estimate | null {
  const sums = { wrong: new Float64Array(resamples.clusters), right: new Float64Array(resamples.clusters) };
  const counts = { wrong: new Float64Array(resamples.clusters), right: new Float64Array(resamples.clusters) };
  for (const { trace, credit } of credits) {
    const kind = trace.firstError === null ? 'right' : 'wrong';
    const place = resamples.placeOf.get(trace.cluster)!;
    sums[kind][place]! += credit;
    counts[kind][place]! += 1;
  }
  const f1 = (weights: ArrayLike<number>): number => {
    const accuracy = (kind: 'wrong' | 'right'): number => {
      let [sum, count] = [0, 0];
      for (let i = 0; i < resamples.clusters; i++) {
        sum += weights[i]! * sums[kind][i]!;
        count += weights[i]! * counts[kind][i]!;
      }
      return sum / count;
    };
    return harmonicMean(accuracy('wrong'), accuracy('right'));
  };
  const value = f1(new Uint8Array(resamples.clusters).fill(1));
  if (!Number.isFinite(value)) return null;
  const interval: Interval = percentileInterval(resamples, f1);
  return { value, ...interval, n: resamples.clusters, method: 'bootstrap' };
}
