import { aurocByPrompt, eceByPrompt, type Scored } from './metrics/calibration.ts';
import { passAtK, rewardWeightedPassAtK } from './metrics/pass-at-k.ts';
import { bestOf, type Candidate, RANKER_NAMES, type RankerName, whyUnavailable } from './metrics/rerank.ts';
import { type SelectorName, selectScore } from './metrics/selectors.ts';
import { groupByPrompt, type PromptGroup } from './prompt-group.ts';
import { type EvalRow, isCorrect } from './row.ts';
import { type Estimate, estimateMean, estimateStatistic, pairedDifference } from './stats/estimate.ts';
import { drawResamples, type Resamples } from './stats/resample.ts';

export interface EvaluationOptions {
  /** pass@k for these k and for 1; those above the samples of a prompt are left out. */
  readonly ks?: readonly number[];
  /** Best-of-N for these N; those above the samples of a prompt are left out. */
  readonly sizes?: readonly number[];
  /** How token scores (rewards and log-probabilities alike) become one score. */
  readonly selector?: SelectorName;
  readonly lengthUnit?: 'characters' | 'tokens';
  readonly resamples?: number;
  readonly seed?: number;
  /** When given, each prompt must have exactly this many completions. */
  readonly samplesPerPrompt?: number;
}

export interface PassAtK {
  readonly k: number;
  readonly plain: Estimate;
  /** Null without critic scores. */
  readonly rewardWeighted: Estimate | null;
}

/** Best-of-N by one way to choose; `estimates` follow `sizes` of the table, null is "n/a". */
export interface BestOfRow {
  readonly ranker: RankerName;
  readonly estimates: readonly Estimate[] | null;
  readonly unavailable: string | null;
}

/** How well a signal tells correct completions from wrong ones. */
export interface Separation {
  readonly signal: 'reward' | 'logprob' | 'length';
  /** Null without the signal, or without one of the classes. */
  readonly auroc: Estimate | null;
}

export interface EvaluationSummary {
  readonly schema: 1;
  readonly runIds: readonly string[];
  readonly prompts: number;
  readonly completions: number;
  readonly samplesPerPrompt: { readonly min: number; readonly max: number };
  readonly selector: SelectorName;
  readonly bootstrap: { readonly resamples: number; readonly seed: number };
  readonly passAtK: readonly PassAtK[];
  readonly bestOfN: { readonly sizes: readonly number[]; readonly rows: readonly BestOfRow[] };
  /** Paired differences at the largest N, in the same unit as the accuracies; null without scores. */
  readonly rewardGain: { readonly overRandom: Estimate; readonly overMajority: Estimate } | null;
  readonly separation: readonly Separation[];
  /** Of logistic(reward); null without finite scores. */
  readonly ece: Estimate | null;
  /** Sequence scores of correct and wrong completions, finite ones only: the histogram's data. */
  readonly rewards: { readonly correct: readonly number[]; readonly wrong: readonly number[] };
  /** Mean tokens of correct and of wrong completions; null for an empty class. */
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

/**
 * Everything `dawngrad evaluate` reports about a set of completions: a pure function of the rows,
 * whatever their order. Intervals are 95 %, over prompts.
 */
export function evaluateRows(rows: readonly EvalRow[], options: EvaluationOptions = {}): EvaluationSummary {
  const selector = options.selector ?? 'mean';
  const groups = groupByPrompt(rows, options.samplesPerPrompt);
  const resamples = drawResamples(groups.length, options.resamples, options.seed);
  const prompts = groups.map((group) => group.rows.map((row) => toCandidate(row, selector, options.lengthUnit)));
  const all = prompts.flat();
  const sampleCounts = prompts.map((candidates) => candidates.length);
  const fewest = sampleCounts.reduce((a, b) => Math.min(a, b));
  const sizes = (options.sizes ?? [1, 2, 3, 5, 8, 16]).filter((size) => size <= fewest);

  return {
    schema: 1,
    runIds: [...new Set(rows.map((row) => row.run_id))].sort(),
    prompts: groups.length,
    completions: all.length,
    samplesPerPrompt: { min: fewest, max: sampleCounts.reduce((a, b) => Math.max(a, b)) },
    selector,
    bootstrap: { resamples: resamples.count, seed: resamples.seed },
    passAtK: [...new Set([1, ...(options.ks ?? [3, 5, 10])])]
      .filter((k) => k <= fewest)
      .map((k) => estimatePassAtK(prompts, k, resamples)),
    bestOfN: { sizes, rows: RANKER_NAMES.map((ranker) => estimateBestOf(ranker, prompts, sizes, resamples)) },
    rewardGain: rewardGain(groups, prompts, sizes.at(-1) ?? 1, resamples),
    separation: separations(prompts, resamples),
    ece: statisticOf(prompts, (c) => c.reward, eceByPrompt, resamples),
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

function toCandidate(
  row: EvalRow,
  selector: SelectorName,
  lengthUnit: 'characters' | 'tokens' = 'characters',
): Candidate {
  // The environment's tokens say nothing about the policy's confidence.
  const forced = new Set(row.forced);
  const logProbs = row.policy_log_probs?.filter((_, t) => !forced.has(t));
  return {
    correct: isCorrect(row),
    answer: row.answer,
    length: lengthUnit === 'tokens' ? row.completion_ids.length : row.generation.content.length,
    reward: row.reward_model_score === null ? null : selectScore(selector, row.reward_model_score),
    logprob: logProbs === undefined ? null : selectScore(selector, logProbs),
  };
}

function estimatePassAtK(prompts: readonly (readonly Candidate[])[], k: number, resamples: Resamples): PassAtK {
  const plain = prompts.map((c) => passAtK(c.length, c.filter((one) => one.correct).length, k));
  const scored = whyUnavailable('reward', prompts.flat()) === null;
  const weighted = prompts.map((c) =>
    rewardWeightedPassAtK(
      c.map((one) => one.reward ?? Number.NaN),
      c.map((one) => one.correct),
      k,
    ),
  );
  return {
    k,
    plain: estimateMean(plain, resamples),
    rewardWeighted: scored ? estimateMean(weighted, resamples) : null,
  };
}

function estimateBestOf(
  ranker: RankerName,
  prompts: readonly (readonly Candidate[])[],
  sizes: readonly number[],
  resamples: Resamples,
): BestOfRow {
  const unavailable = whyUnavailable(ranker, prompts.flat());
  if (unavailable !== null) return { ranker, estimates: null, unavailable };
  const estimates = sizes.map((size) =>
    estimateMean(
      prompts.map((candidates) => bestOf(ranker, candidates, size)),
      resamples,
    ),
  );
  return { ranker, estimates, unavailable: null };
}

function rewardGain(
  groups: readonly PromptGroup[],
  prompts: readonly (readonly Candidate[])[],
  size: number,
  resamples: Resamples,
): EvaluationSummary['rewardGain'] {
  if (whyUnavailable('reward', prompts.flat()) !== null) return null;
  const by = (ranker: RankerName): Map<string, number> =>
    new Map(groups.map((group, i) => [group.promptId, bestOf(ranker, prompts[i]!, size)]));
  const reward = by('reward');
  return {
    overRandom: pairedDifference(reward, by('random'), resamples),
    overMajority: pairedDifference(reward, by('majority'), resamples),
  };
}

function separations(prompts: readonly (readonly Candidate[])[], resamples: Resamples): Separation[] {
  const signals = {
    reward: (c: Candidate) => c.reward,
    logprob: (c: Candidate) => c.logprob,
    length: (c: Candidate) => -c.length,
  };
  return (['reward', 'logprob', 'length'] as const).map((signal) => ({
    signal,
    auroc: statisticOf(prompts, signals[signal], aurocByPrompt, resamples),
  }));
}

/** A statistic over all completions that have a finite signal; null when any has none at all. */
function statisticOf(
  prompts: readonly (readonly Candidate[])[],
  signal: (candidate: Candidate) => number | null,
  statistic: (samples: readonly Scored[]) => (weights: ArrayLike<number>) => number,
  resamples: Resamples,
): Estimate | null {
  const scored: Scored[] = [];
  for (const [prompt, candidates] of prompts.entries()) {
    for (const candidate of candidates) {
      const score = signal(candidate);
      if (score === null) return null;
      if (Number.isFinite(score)) scored.push({ score, correct: candidate.correct, prompt });
    }
  }
  return estimateStatistic(statistic(scored), resamples);
}

function finiteRewards(candidates: readonly Candidate[], correct: boolean): number[] {
  return candidates.filter((c) => c.correct === correct && Number.isFinite(c.reward)).map((c) => c.reward!);
}

function meanTokens(rows: readonly EvalRow[], correct: boolean): number | null {
  const some = rows.filter((row) => isCorrect(row) === correct);
  return some.length === 0 ? null : some.reduce((sum, row) => sum + row.completion_ids.length, 0) / some.length;
}
