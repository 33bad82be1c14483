import {
  type BestOfRow,
  bestOfAccuracies,
  bestOfRow,
  estimatePassAtK,
  type PassAtK,
  type RewardGain,
  rewardGain,
  type SelectorRow,
  selectorRows,
  successRows,
} from './evaluation/best-of-summary.ts';
import { type CalibrationSummary, calibrationSummary } from './evaluation/calibration-summary.ts';
import {
  candidateOf,
  estimateScored,
  type LengthUnit,
  type PromptCandidates,
  rewardOf,
  scoredBy,
} from './evaluation/candidates.ts';
import { type CategoryRow, categoryRows } from './evaluation/category-rows.ts';
import {
  type CorrelationMatrix,
  correlationMatrix,
  type RewardDifference,
  rewardDifferences,
} from './evaluation/reward-tests.ts';
import { aurocByPrompt } from './metrics/calibration.ts';
import { type BestOfRule, type Candidate, RANKER_NAMES } from './metrics/rerank.ts';
import type { SelectorName } from './metrics/selectors.ts';
import { isEnumerated } from './metrics/subsets.ts';
import { groupByPrompt } from './prompt-group.ts';
import { type EvalRow, isCorrect } from './row.ts';
import type { Estimate } from './stats/estimate.ts';
import { drawResamples, type Resamples } from './stats/resample.ts';

export interface EvaluationOptions {
  /** pass@k for these k and for 1; those above the samples of a prompt are left out. */
  readonly ks?: readonly number[];
  /** Best-of-N for these N; those above the samples of a prompt are left out. */
  readonly sizes?: readonly number[];
  /** Which N of a prompt's samples. Default `subsets`. */
  readonly rule?: BestOfRule;
  /** How token scores (rewards and log-probabilities alike) become one score. */
  readonly selector?: SelectorName;
  readonly lengthUnit?: LengthUnit;
  readonly resamples?: number;
  readonly seed?: number;
  /** When given, each prompt must have exactly this many completions. */
  readonly samplesPerPrompt?: number;
  /** Rows of other (dev) prompts with scores of the same critic: temperature and isotonic scaling are fitted on them. */
  readonly calibrationRows?: readonly EvalRow[];
}

/** How well a signal tells correct completions from wrong ones. */
export interface Separation {
  readonly signal: 'reward' | 'logprob' | 'length';
  /** Null without the signal, or without one of the classes. */
  readonly auroc: Estimate | null;
}

export interface EvaluationSummary {
  readonly schema: 2;
  readonly runIds: readonly string[];
  readonly prompts: number;
  readonly completions: number;
  readonly samplesPerPrompt: { readonly min: number; readonly max: number };
  readonly selector: SelectorName;
  /** What an interval covers: the draw of prompts, with all of their completions. */
  readonly clusteredBy: 'prompt';
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  readonly passAtK: readonly PassAtK[];
  readonly bestOfN: {
    readonly rule: BestOfRule;
    readonly sizes: readonly number[];
    readonly rows: readonly BestOfRow[];
    /** Sizes at which the weighted vote is the mean of drawn subsets, there being too many to go through. */
    readonly drawnSizes: readonly number[];
  };
  /** success@k|N at the largest N, by the learned reward; null without scores. */
  readonly successAtK: readonly { readonly k: number; readonly estimate: Estimate }[] | null;
  /** Paired differences at the largest N, in the same unit as the accuracies; null without scores. */
  readonly rewardGain: RewardGain | null;
  /** Null without scores. */
  readonly selectors: readonly SelectorRow[] | null;
  readonly separation: readonly Separation[];
  /** Of logistic(reward); null without finite scores. */
  readonly ece: Estimate | null;
  readonly calibration: CalibrationSummary | null;
  readonly rewardDifferences: readonly RewardDifference[] | null;
  readonly correlations: CorrelationMatrix;
  /** Empty where rows name fewer than two categories. */
  readonly categories: readonly CategoryRow[];
  /** Sequence scores of correct and wrong completions, finite ones only: the histogram's data. */
  readonly rewards: { readonly correct: readonly number[]; readonly wrong: readonly number[] };
  /** Mean tokens of correct and of wrong completions; null for an empty class, or without token ids. */
  readonly meanTokens: { readonly correct: number | null; readonly wrong: number | null };
  readonly counts: {
    readonly correct: number;
    readonly withoutAnswer: number;
    readonly withoutReward: number;
    readonly withoutLogprob: number;
    /** Completions whose score is not finite: they rank last. */
    readonly nonFiniteReward: number;
    readonly nonFiniteLogprob: number;
  };
}

/** Best-of-N at these N, unless others are asked for. */
export const BEST_OF_SIZES: readonly number[] = [1, 2, 3, 5, 8, 16];
export const PASS_KS: readonly number[] = [1, 3, 5, 10];

/**
 * Everything `dawngrad evaluate` reports about a set of completions: a pure function of the rows,
 * whatever their order. Intervals are 95 %, over prompts.
 */
export function evaluateRows(rows: readonly EvalRow[], options: EvaluationOptions = {}): EvaluationSummary {
  const { selector = 'mean', rule = 'subsets', lengthUnit = 'characters' } = options;
  const groups = groupByPrompt(rows, options.samplesPerPrompt);
  const ids = groups.map(({ promptId }) => promptId);
  const resamples = drawResamples(groups.length, options.resamples, options.seed);
  const prompts = groups.map((group) => group.rows.map((row) => candidateOf(row, selector, lengthUnit)));
  const all = prompts.flat();
  const sampleCounts = prompts.map((candidates) => candidates.length);
  const fewest = sampleCounts.reduce((a, b) => Math.min(a, b));
  const sizes = (options.sizes ?? BEST_OF_SIZES).filter((size) => size <= fewest);
  const ks = [...new Set([1, ...(options.ks ?? PASS_KS)])].filter((k) => k <= fewest);
  const accuracies = bestOfAccuracies(prompts, sizes, rule);
  const rewarded = scoredBy(prompts, (c) => c.reward);
  const calibration = calibrationSummary(rewarded, new Set(ids), options.calibrationRows, selector, resamples);
  const judged = groups.flatMap((group, prompt) =>
    group.rows.map((row, i) => ({ row, candidate: prompts[prompt]![i]!, prompt })),
  );
  const rescored = (other: SelectorName): PromptCandidates =>
    other === selector
      ? prompts
      : groups.map((group, p) => group.rows.map((row, i) => ({ ...prompts[p]![i]!, reward: rewardOf(row, other) })));

  return {
    schema: 2,
    runIds: [...new Set(rows.map((row) => row.run_id))].sort(),
    prompts: groups.length,
    completions: all.length,
    samplesPerPrompt: { min: fewest, max: sampleCounts.reduce((a, b) => Math.max(a, b)) },
    selector,
    clusteredBy: 'prompt',
    bootstrap: { resamples: resamples.count, seed: resamples.seed },
    passAtK: ks.map((k) => estimatePassAtK(prompts, k, resamples)),
    bestOfN: {
      rule,
      sizes,
      rows: RANKER_NAMES.map((ranker) => bestOfRow(ranker, accuracies, resamples)),
      drawnSizes:
        rule === 'first' ? [] : sizes.filter((size) => sampleCounts.some((count) => !isEnumerated(count, size))),
    },
    successAtK: successRows(prompts, ks, fewest, resamples),
    rewardGain: rewardGain(ids, accuracies, resamples),
    selectors: selectorRows(ids, rescored, sizes, rule, resamples),
    separation: separations(prompts, resamples),
    ece: calibration?.raw.ece ?? null,
    calibration,
    rewardDifferences: rewardDifferences(judged, resamples),
    correlations: correlationMatrix(judged),
    categories: categoryRows(groups, accuracies, resamples),
    rewards: { correct: finiteRewards(all, true), wrong: finiteRewards(all, false) },
    meanTokens: { correct: meanTokens(rows, true), wrong: meanTokens(rows, false) },
    counts: {
      correct: all.filter((c) => c.correct).length,
      withoutAnswer: all.filter((c) => c.answer === null).length,
      withoutReward: all.filter((c) => c.reward === null).length,
      withoutLogprob: all.filter((c) => c.logprob === null).length,
      nonFiniteReward: all.filter((c) => Number.isNaN(c.reward)).length,
      nonFiniteLogprob: all.filter((c) => Number.isNaN(c.logprob)).length,
    },
  };
}

/** pass@1 of each prompt, by id: what paired comparisons of two policies are made of. */
export function passAt1ByPrompt(rows: readonly EvalRow[]): Map<string, number> {
  return new Map(
    groupByPrompt(rows).map((group) => [group.promptId, group.rows.filter(isCorrect).length / group.rows.length]),
  );
}

function separations(prompts: PromptCandidates, resamples: Resamples): Separation[] {
  const signals = {
    reward: (c: Candidate) => c.reward,
    logprob: (c: Candidate) => c.logprob,
    length: (c: Candidate) => -c.length,
  };
  return (['reward', 'logprob', 'length'] as const).map((signal) => ({
    signal,
    auroc: estimateScored(scoredBy(prompts, signals[signal]), aurocByPrompt, resamples),
  }));
}

function finiteRewards(candidates: readonly Candidate[], correct: boolean): number[] {
  return candidates.filter((c) => c.correct === correct && Number.isFinite(c.reward)).map((c) => c.reward!);
}

function meanTokens(rows: readonly EvalRow[], correct: boolean): number | null {
  const some = rows.filter((row) => isCorrect(row) === correct);
  if (some.length === 0 || some.some((row) => row.completion_ids === null)) return null;
  return some.reduce((sum, row) => sum + row.completion_ids!.length, 0) / some.length;
}
