import { drawStratified } from '../stats/stratified.ts';
import { fitThreshold } from './fit-threshold.ts';
import { isNear, meanByUnit, unitsOf, windowUnits } from './grid.ts';
import { type Answer, type ErrorPlace, type JudgedRow, judge } from './judge.ts';
import { firstBelow, transitions } from './localisers.ts';
import { SIGNAL_NAMES, SIGNALS, type TraceSignals } from './trace-signals.ts';

/** A wrong trace with the tokens of its first error marked. */
export interface SpanTrace {
  readonly id: string;
  /** What is resampled together: traces of one prompt. */
  readonly cluster: string;
  readonly stratum: string;
  readonly signals: TraceSignals;
  /** Scores of the trace without the error, where there is such a trace. */
  readonly clean?: TraceSignals;
  /** Wrong tokens, ascending, at least one; all below T. */
  readonly errorTokens: readonly number[];
}

export interface LabelledOptions {
  /** Tokens a unit of the grids; 1 is that of tokens. */
  readonly intervals: readonly number[];
  /** Tolerances of one prediction, tokens. */
  readonly windows: readonly number[];
  readonly hitKs: readonly number[];
  /** Tolerance of Hit@k, tokens. */
  readonly window: number;
  /** Clusters on which thresholds are fitted; they are in no number of the summary. */
  readonly dev: ReadonlySet<string>;
  readonly resamples: number;
  readonly seed: number;
}

export interface SpanGrid {
  readonly unit: 'token' | 'bucket';
  readonly interval: number;
  readonly rows: readonly JudgedRow[];
}

export interface SpanSummary {
  readonly schema: 1;
  readonly kind: 'spans';
  readonly n_traces: number;
  /** Traces too short for a grid to have two units. */
  readonly n_too_short: Readonly<Record<string, number>>;
  readonly strata: Readonly<Record<string, number>>;
  readonly grids: readonly SpanGrid[];
  readonly bootstrap: { readonly resamples: number; readonly seed: number; readonly clusters: string };
}

/**
 * Labelled error spans on a fair grid (r-airl.md, section 7.5 c): every signal is averaged over the
 * same units, candidates are the transitions into units 1 ... U - 1; hits are judged against the
 * first wrong token, average precision against all of them, both beside the chance of the same grid.
 */
export function summariseSpans(traces: readonly SpanTrace[], options: LabelledOptions): SpanSummary {
  const used = inOrder(traces).filter(({ cluster }) => !options.dev.has(cluster));
  const dev = traces.filter(({ cluster }) => options.dev.has(cluster));
  const resamples = drawStratified(
    new Map(used.map(({ cluster, stratum }) => [cluster, stratum])),
    options.resamples,
    options.seed,
  );
  const isLongEnough = (interval: number) => (trace: SpanTrace) => trace.signals.critic.length > interval;
  const grids = options.intervals.map((interval): SpanGrid => {
    const judged = used.filter(isLongEnough(interval));
    const places = judged.map((trace) => placeOf(trace, interval));
    const row = (localiser: string, answerOf: (trace: SpanTrace) => Answer, some = judged): JudgedRow =>
      judge(localiser, some === judged ? places : some.map((trace) => placeOf(trace, interval)), some.map(answerOf), {
        reaches: Object.fromEntries(
          options.windows.map((window) => [String(window), windowUnits({ window, interval })]),
        ),
        ks: options.hitKs,
        reachOfKs: windowUnits({ window: options.window, interval }),
        resamples,
      });
    const threshold = fitUnitThreshold(dev.filter(isLongEnough(interval)), interval);
    const withClean = judged.filter(({ clean }) => clean !== undefined);
    return {
      unit: interval === 1 ? 'token' : 'bucket',
      interval,
      rows: [
        row('chance', () => ({ kind: 'chance' })),
        row('always first', (trace) => ranking(transitionCount(trace, interval), (c) => -c)),
        ...SIGNAL_NAMES.map((name) => {
          const { of, direction } = SIGNALS[name];
          return row(name === 'critic' ? 'critic, largest drop' : `${name} ${direction}`, ({ signals }) => ({
            kind: 'ranking',
            scores: transitions(meanByUnit(of(signals), interval), direction),
          }));
        }),
        ...(withClean.length === 0
          ? []
          : [row('critic, clean - edited', (trace) => differenceAnswer(trace, interval), withClean)]),
        ...(threshold === null
          ? []
          : [
              row('critic, below threshold', ({ signals }) => ({
                kind: 'single',
                candidate: firstUnitBelow(signals, interval, threshold),
              })),
            ]),
      ],
    };
  });
  return {
    schema: 1,
    kind: 'spans',
    n_traces: used.length,
    n_too_short: Object.fromEntries(
      options.intervals.map((interval) => [String(interval), used.length - used.filter(isLongEnough(interval)).length]),
    ),
    strata: countStrata(used),
    grids,
    bootstrap: { resamples: options.resamples, seed: options.seed, clusters: 'prompts, within strata' },
  };
}

/** Traces of each stratum. */
export function countStrata(traces: readonly { readonly stratum: string }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const stratum of traces.map((trace) => trace.stratum).sort()) counts[stratum] = (counts[stratum] ?? 0) + 1;
  return counts;
}

/** By id: sums of floats depend on their order, and what was given first must not matter. */
export function inOrder<Trace extends { readonly id: string }>(traces: readonly Trace[]): Trace[] {
  return [...traces].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}

function placeOf(trace: SpanTrace, interval: number): ErrorPlace {
  const { signals, errorTokens, cluster } = trace;
  // Unit u is candidate u - 1; an error in unit 0 is one that no transition can name.
  const units = unitsOf(errorTokens, interval, signals.critic.length).map((unit) => unit - 1);
  return {
    cluster,
    candidates: transitionCount(trace, interval),
    targets: units.slice(0, 1),
    relevant: units.filter((unit) => unit >= 0),
  };
}

function transitionCount({ signals }: SpanTrace, interval: number): number {
  return Math.ceil(signals.critic.length / interval) - 1;
}

function ranking(count: number, scoreOf: (candidate: number) => number): Answer {
  return { kind: 'ranking', scores: Array.from({ length: count }, (_, c) => scoreOf(c)) };
}

function differenceAnswer({ signals, clean }: SpanTrace, interval: number): Answer {
  const [edited, whole] = [meanByUnit(signals.critic, interval), meanByUnit(clean!.critic, interval)];
  // Where the clean trace is over there is nothing to compare with.
  return {
    kind: 'ranking',
    scores: edited.slice(1).map((value, c) => (whole[c + 1] ?? Number.NEGATIVE_INFINITY) - value),
  };
}

function firstUnitBelow(signals: TraceSignals, interval: number, threshold: number): number | null {
  return firstBelow(meanByUnit(signals.critic, interval).slice(1), threshold);
}

/** The threshold with most exact hits on dev traces; null without any. */
function fitUnitThreshold(dev: readonly SpanTrace[], interval: number): number | null {
  if (dev.length === 0) return null;
  const places = dev.map((trace) => placeOf(trace, interval));
  return fitThreshold(
    dev.flatMap(({ signals }) => meanByUnit(signals.critic, interval)),
    (threshold) =>
      dev.reduce((hits, { signals }, i) => {
        const named = firstUnitBelow(signals, interval, threshold);
        return hits + (named !== null && isNear(named, places[i]!.targets, 0) ? 1 : 0);
      }, 0),
  );
}
