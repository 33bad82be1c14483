import { spearman } from '../stats/correlation.ts';
import type { Estimate } from '../stats/estimate.ts';
import { drawStratified, estimateClusterMean, type StratifiedResamples } from '../stats/stratified.ts';
import { windowUnits } from './grid.ts';
import { fitPairThreshold, type HeadlineRow, headlineRows } from './headline.ts';
import { type PairMetrics, type PairOptions, pairMetrics } from './pair-detail.ts';
import type { ScoredPair } from './scored-pair.ts';
import { fitPositionScale, median, type ZScoreMode } from './stabilise.ts';

export interface ControlledOptions extends PairOptions {
  readonly zscoreBins: number;
  readonly zscoreMode: ZScoreMode;
  /** Windows of the headline, tokens. */
  readonly windows: readonly number[];
  /** Tokens a unit of the bucket grid beside that of tokens. */
  readonly bucket: number;
  /** Prompts on which the threshold is fitted; they are in no number of the summary. */
  readonly devPrompts: ReadonlySet<string>;
  readonly resamples: number;
  readonly seed: number;
}

export interface ControlledSummary {
  readonly schema: 1;
  readonly kind: 'controlled';
  readonly overall: {
    readonly n_pairs: number;
    readonly win_rate: number | null;
    readonly mean_margin: number | null;
    readonly median_margin: number | null;
    readonly tie_rate: number | null;
    readonly same_answer_rate: number | null;
    readonly clean_correct_rate: number | null;
    readonly pert_correct_rate: number | null;
    /** Pairs in which no edit found anything to change: ties by construction, in no localisation number. */
    readonly n_unchanged: number;
  };
  readonly by_severity: Readonly<
    Record<
      string,
      {
        readonly n_pairs: number;
        readonly win_rate: number | null;
        readonly mean_margin: number | null;
        readonly median_margin: number | null;
        readonly tie_rate: number | null;
      }
    >
  >;
  readonly monotonicity: {
    readonly n_prompts: number;
    readonly mean_spearman_rho: number | null;
    readonly nonincreasing_rate: number | null;
  };
  readonly localization: object;
  readonly stabilized_localization: object;
  /** 95 % intervals over prompts of the same numbers. */
  readonly intervals: {
    readonly win_rate: Estimate | null;
    readonly mean_margin: Estimate | null;
    readonly mean_gap: Estimate | null;
    readonly mean_spearman_rho: Estimate | null;
    readonly bootstrap: { readonly resamples: number; readonly seed: number; readonly clusters: 'prompts' };
  };
  /** One prediction a trace of severity 1, every localiser on the same grids. */
  readonly headline: { readonly severity: 1; readonly threshold: number | null; readonly rows: readonly HeadlineRow[] };
}

/** A pair with its numbers. */
export interface MeasuredPair {
  readonly pair: ScoredPair;
  readonly metrics: PairMetrics;
}

/**
 * Numbers of each pair, by prompt, severity and variant, whatever the order given. The scale of
 * positions is that of the clean traces.
 */
export function measurePairs(given: readonly ScoredPair[], options: ControlledOptions): MeasuredPair[] {
  // Sums of floats depend on their order; what was given first must not.
  const pairs = [...given].sort(byPlace);
  const cleanTraces = new Map(pairs.map(({ promptId, clean }) => [promptId, clean.critic]));
  const scale = fitPositionScale([...cleanTraces.values()], options.zscoreBins, options.zscoreMode);
  return pairs.map((pair) => ({ pair, metrics: pairMetrics(pair, options, scale) }));
}

function byPlace(a: ScoredPair, b: ScoredPair): number {
  return a.promptIdx - b.promptIdx || a.severity - b.severity || a.variantIdx - b.variantIdx;
}

/** The summary of controlled edits (r-airl.md, section 7.5 a); names are those of the reference's summary.json. */
export function summariseControlled(measured: readonly MeasuredPair[], options: ControlledOptions): ControlledSummary {
  const { devPrompts, seed } = options;
  const used = measured.filter(({ pair }) => !devPrompts.has(pair.promptId));
  const dev = measured.filter(({ pair }) => devPrompts.has(pair.promptId));
  const clusters = new Map(used.map(({ pair }) => [pair.promptId, 'all']));
  const resamples = drawStratified(clusters, options.resamples, seed);
  const severities = [...new Set(used.map(({ pair }) => pair.severity))].sort((a, b) => a - b);
  const rhos = severityTrends(used);
  const ofSeverityOne = (some: readonly MeasuredPair[]): ScoredPair[] =>
    some.filter(({ pair }) => pair.severity === 1).map(({ pair }) => pair);
  const threshold = fitPairThreshold(ofSeverityOne(dev), Math.min(...options.windows));
  return {
    schema: 1,
    kind: 'controlled',
    overall: {
      n_pairs: used.length,
      ...marginNumbers(used),
      same_answer_rate: share(used, ({ pair }) => pair.isAnswerUnchanged),
      clean_correct_rate: share(used, ({ pair }) => pair.isCleanCorrect),
      pert_correct_rate: share(used, ({ pair }) => pair.isEditedCorrect),
      n_unchanged: used.filter(({ pair }) => pair.changed.length === 0).length,
    },
    by_severity: Object.fromEntries(
      severities.map((severity) => {
        const some = used.filter(({ pair }) => pair.severity === severity);
        return [String(severity), { n_pairs: some.length, ...marginNumbers(some) }];
      }),
    ),
    monotonicity: {
      n_prompts: clusters.size,
      mean_spearman_rho: meanOf(rhos.map(({ rho }) => rho)),
      nonincreasing_rate: meanOf(rhos.map(({ isNonincreasing }) => Number(isNonincreasing))),
    },
    localization: localization(used, options),
    stabilized_localization: stabilized(used, options),
    intervals: {
      win_rate: interval(used, ({ metrics }) => Number(metrics.margin > 0), resamples),
      mean_margin: interval(used, ({ metrics }) => metrics.margin, resamples),
      mean_gap: interval(used, ({ metrics }) => metrics.delta.gap, resamples),
      mean_spearman_rho: estimateClusterMean(
        rhos.map(({ promptId, rho }) => ({ cluster: promptId, value: rho })),
        resamples,
      ),
      bootstrap: { resamples: options.resamples, seed, clusters: 'prompts' },
    },
    headline: {
      severity: 1,
      threshold,
      rows: headlineRows(ofSeverityOne(used), {
        intervals: [1, options.bucket],
        windows: options.windows,
        threshold,
        resamples,
      }),
    },
  };
}

interface SeverityTrend {
  readonly promptId: string;
  /** Rank correlation of severity and mean score; NaN where all scores are equal. */
  readonly rho: number;
  readonly isNonincreasing: boolean;
}

/** How the score of a prompt's edited traces goes with their severity; prompts of one severity have no trend. */
function severityTrends(measured: readonly MeasuredPair[]): SeverityTrend[] {
  const prompts = new Map<string, Map<number, number[]>>();
  for (const { pair, metrics } of measured) {
    const bySeverity = prompts.get(pair.promptId) ?? new Map<number, number[]>();
    prompts.set(pair.promptId, bySeverity);
    bySeverity.set(pair.severity, [...(bySeverity.get(pair.severity) ?? []), metrics.editedScore]);
  }
  return [...prompts].flatMap(([promptId, bySeverity]) => {
    const points = [...bySeverity].sort(([a], [b]) => a - b).map(([severity, scores]) => [severity, mean(scores)]);
    if (points.length < 2) return [];
    const scores = points.map(([, score]) => score!);
    return {
      promptId,
      rho: spearman(
        points.map(([severity]) => severity!),
        scores,
      ),
      isNonincreasing: scores.every((score, i) => i === 0 || scores[i - 1]! >= score),
    };
  });
}

function localization(measured: readonly MeasuredPair[], { grid, hitKs }: ControlledOptions): object {
  const used = measured.map(({ metrics }) => metrics.delta).filter(({ gap }) => Number.isFinite(gap));
  const byK = (pick: 'hitAt' | 'hitAtRandom' | 'hitAtNorm'): Record<string, number | null> =>
    Object.fromEntries(hitKs.map((k) => [String(k), meanOf(used.map((delta) => delta[pick][String(k)]!))]));
  const isBucket = grid.interval > 1;
  return {
    n_pairs: used.length,
    mode: isBucket ? 'bucket' : 'token',
    unit_name: isBucket ? 'bucket' : 'token',
    local_window_tokens: grid.window,
    partial_fixed_stride: isBucket ? grid.interval : null,
    local_window_units: windowUnits(grid),
    mean_local_drop: meanOf(used.map(({ localDrop }) => localDrop)),
    mean_far_drop: meanOf(used.map(({ farDrop }) => farDrop)),
    mean_gap: meanOf(used.map(({ gap }) => gap)),
    hit_at_k: byK('hitAt'),
    hit_at_k_random: byK('hitAtRandom'),
    hit_at_k_norm: byK('hitAtNorm'),
    mean_local_unit_ratio: meanOf(used.map(({ localUnits, units }) => localUnits / units)),
  };
}

function stabilized(measured: readonly MeasuredPair[], options: ControlledOptions): object {
  const used = measured
    .flatMap(({ metrics }) => metrics.stabilised ?? [])
    .filter(({ localMassNorm }) => Number.isFinite(localMassNorm));
  const lags = used.map(({ onsetLag }) => onsetLag).filter(Number.isFinite);
  return {
    n_pairs: used.length,
    zscore_bins: options.zscoreBins,
    zscore_mode: options.zscoreMode,
    smooth_window: options.smoothWindow,
    onset_threshold: options.onset.threshold,
    onset_persistence: options.onset.persistence,
    mean_ldm: meanOf(used.map(({ localMass }) => localMass)),
    mean_ldm_random: meanOf(used.map(({ localMassRandom }) => localMassRandom)),
    mean_ldm_norm: meanOf(used.map(({ localMassNorm }) => localMassNorm)),
    mean_onset_lag: meanOf(lags),
    median_onset_lag: lags.length === 0 ? null : median(lags),
    onset_detect_rate: used.length === 0 ? null : lags.length / used.length,
    false_alarm_rate: meanOf(used.map(({ isFalseAlarm }) => Number(isFalseAlarm))),
  };
}

function marginNumbers(measured: readonly MeasuredPair[]) {
  const margins = measured.map(({ metrics }) => metrics.margin);
  return {
    win_rate: meanOf(margins.map((margin) => Number(margin > 0))),
    mean_margin: meanOf(margins),
    median_margin: margins.length === 0 ? null : median(margins),
    tie_rate: meanOf(margins.map((margin) => Number(margin === 0))),
  };
}

function interval(
  measured: readonly MeasuredPair[],
  numberOf: (one: MeasuredPair) => number,
  resamples: StratifiedResamples,
): Estimate | null {
  return estimateClusterMean(
    measured.map((one) => ({ cluster: one.pair.promptId, value: numberOf(one) })),
    resamples,
  );
}

function share(measured: readonly MeasuredPair[], holds: (one: MeasuredPair) => boolean): number | null {
  return meanOf(measured.map((one) => Number(holds(one))));
}

/** The mean of the finite values; null without any. */
function meanOf(values: readonly number[]): number | null {
  const finite = values.filter(Number.isFinite);
  return finite.length === 0 ? null : mean(finite);
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
