import { drawStratified } from '../stats/stratified.ts';
import { type Answer, type ErrorPlace, type JudgedRow, judge } from './judge.ts';
import { type ProcessRow, processRows } from './process-f1.ts';
import { countStrata, inOrder, type LabelledOptions } from './span-summary.ts';
import { type StepTrace, stepBadness, stepChanges } from './step-trace.ts';
import { SIGNAL_NAMES, SIGNALS } from './trace-signals.ts';

export interface StepSummary {
  readonly schema: 1;
  readonly kind: 'steps';
  readonly n_traces: number;
  readonly n_erroneous: number;
  readonly n_correct: number;
  readonly strata: Readonly<Record<string, number>>;
  /** Where the first wrong step is, over the erroneous traces; every step is a candidate. */
  readonly rows: readonly JudgedRow[];
  /** Whether and where a trace is wrong, with thresholds fitted on the dev traces. */
  readonly process: { readonly n_dev: number; readonly rows: readonly ProcessRow[] };
  readonly bootstrap: { readonly resamples: number; readonly seed: number; readonly clusters: string };
}

/**
 * Labelled steps: where the error is (Hit@1 exactly and within a step, Hit@k, MAP, over erroneous
 * traces), and ProcessBench's F1, which asks for correct traces to be left alone as well.
 */
export function summariseSteps(traces: readonly StepTrace[], options: LabelledOptions): StepSummary {
  const used = inOrder(traces).filter(({ cluster }) => !options.dev.has(cluster));
  const dev = traces.filter(({ cluster }) => options.dev.has(cluster));
  const resamples = drawStratified(
    new Map(used.map(({ cluster, stratum }) => [cluster, stratum])),
    options.resamples,
    options.seed,
  );
  const wrong = used.filter(({ firstError }) => firstError !== null);
  const places = wrong.map(
    ({ cluster, stepEnds, firstError }): ErrorPlace => ({
      cluster,
      candidates: stepEnds.length,
      targets: [firstError!],
      relevant: [firstError!],
    }),
  );
  const row = (localiser: string, answerOf: (trace: StepTrace) => Answer): JudgedRow =>
    judge(localiser, places, wrong.map(answerOf), {
      reaches: { exact: 0, 'within 1': 1 },
      ks: options.hitKs,
      reachOfKs: 0,
      resamples,
    });
  const scored = (localiser: string, scoresOf: (trace: StepTrace) => readonly number[]): JudgedRow =>
    row(localiser, (trace) => ({ kind: 'ranking', scores: scoresOf(trace) }));
  return {
    schema: 1,
    kind: 'steps',
    n_traces: used.length,
    n_erroneous: wrong.length,
    n_correct: used.length - wrong.length,
    strata: countStrata(used),
    rows: [
      row('chance', () => ({ kind: 'chance' })),
      scored('always first', ({ stepEnds }) => stepEnds.map((_, step) => -step)),
      ...SIGNAL_NAMES.flatMap((name) => [
        scored(name === 'critic' ? 'critic, largest drop' : `${name} ${SIGNALS[name].direction}`, (trace) =>
          stepChanges(trace, name),
        ),
        scored(name === 'entropy' ? 'entropy, highest' : `${name}, lowest`, (trace) => stepBadness(trace, name)),
      ]),
    ],
    process: { n_dev: dev.length, rows: processRows(used, dev, resamples) },
    bootstrap: { resamples: options.resamples, seed: options.seed, clusters: 'problems, within strata' },
  };
}
