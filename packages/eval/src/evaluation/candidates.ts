import type { Scored } from '../metrics/calibration.ts';
import type { Candidate } from '../metrics/rerank.ts';
import { answerSpan, type SelectorName, selectScore } from '../metrics/selectors.ts';
import { type EvalRow, isCorrect } from '../row.ts';
import { type Estimate, estimateStatistic } from '../stats/estimate.ts';
import type { Resamples } from '../stats/resample.ts';

export type LengthUnit = 'characters' | 'tokens';

/** The completions of each prompt, in the order of their indices. */
export type PromptCandidates = readonly (readonly Candidate[])[];

/** What the rankers may look at of a row: one number a signal. */
export function candidateOf(row: EvalRow, selector: SelectorName, lengthUnit: LengthUnit): Candidate {
  // The environment's tokens say nothing about the policy's confidence.
  const forced = new Set(row.forced);
  const logProbs =
    forced.size === 0 ? row.policy_log_probs : (row.policy_log_probs?.filter((_, t) => !forced.has(t)) ?? null);
  return {
    correct: isCorrect(row),
    answer: row.answer,
    length: lengthUnit === 'tokens' ? (row.completion_ids?.length ?? Number.NaN) : row.generation.content.length,
    reward: rewardOf(row, selector),
    logprob: logProbs === null ? null : selectScore(selector, logProbs, spanOf(row, selector, logProbs.length)),
  };
}

/** The critic's sequence score of a row under a selector; null without token scores. */
export function rewardOf(row: EvalRow, selector: SelectorName): number | null {
  const scores = row.reward_model_score;
  return scores === null ? null : selectScore(selector, scores, spanOf(row, selector, scores.length));
}

function spanOf(row: EvalRow, selector: SelectorName, tokens: number): ReturnType<typeof answerSpan> {
  return selector === 'answer-2' ? answerSpan(row.generation.content, tokens) : undefined;
}

/** The completions with a finite signal; null where any has none at all. */
export function scoredBy(prompts: PromptCandidates, signal: (candidate: Candidate) => number | null): Scored[] | null {
  const scored: Scored[] = [];
  for (const [prompt, candidates] of prompts.entries()) {
    for (const candidate of candidates) {
      const score = signal(candidate);
      if (score === null) return null;
      if (Number.isFinite(score)) scored.push({ score, correct: candidate.correct, prompt });
    }
  }
  return scored;
}

/** A statistic of scored completions with its interval over prompts; null without scores. */
export function estimateScored(
  scored: readonly Scored[] | null,
  statistic: (samples: readonly Scored[]) => (weights: ArrayLike<number>) => number,
  resamples: Resamples,
): Estimate | null {
  return scored === null || scored.length === 0 ? null : estimateStatistic(statistic(scored), resamples);
}
