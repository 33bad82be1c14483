import { type EvaluationOptions, type EvaluationSummary, evaluateRows, passAt1ByPrompt } from '../evaluate-rows.ts';
import type { EvalRow } from '../row.ts';
import { type Estimate, pairedDifference } from '../stats/estimate.ts';
import { drawResamples } from '../stats/resample.ts';

/** One policy's completions of the shared test prompts. */
export interface EvaluatedPolicy {
  readonly name: string;
  readonly rows: readonly EvalRow[];
  /** Whose scores the rows carry, for instance "R-AIRL critic, interval"; absent when they carry none. */
  readonly critic?: string;
}

/** A policy with its numbers. */
export interface PolicyNumbers {
  readonly name: string;
  readonly critic?: string;
  readonly summary: EvaluationSummary;
  /** pass@1 of each prompt by its id; null where the rows are not at hand. */
  readonly byPrompt: ReadonlyMap<string, number> | null;
}

export interface ResultRow {
  readonly name: string;
  readonly prompts: number;
  readonly samplesPerPrompt: number;
  readonly passAt1: Estimate;
  readonly passAtK: readonly { readonly k: number; readonly estimate: Estimate }[];
  /** Paired difference of pass@1 to the first policy; null for the first, or on other prompts. */
  readonly overFirst: Estimate | null;
}

/** Choosing among the completions of one policy by the scores of one critic, and the baselines. */
export interface Rerank {
  readonly policy: string;
  readonly critic: string;
  readonly prompts: number;
  readonly bestOfN: EvaluationSummary['bestOfN'];
  readonly rewardGain: EvaluationSummary['rewardGain'];
  readonly separation: EvaluationSummary['separation'];
  readonly calibration: EvaluationSummary['calibration'];
  readonly rewards: EvaluationSummary['rewards'];
  readonly selector: string;
  readonly completions: number;
  readonly counts: EvaluationSummary['counts'];
}

/** The numbers of a report's evaluations: tables and figures are pure functions of it. */
export interface ReportSummary {
  readonly schema: 2;
  /** Null without an evaluation. */
  readonly bootstrap: EvaluationSummary['bootstrap'] | null;
  readonly results: readonly ResultRow[];
  readonly rerank: readonly Rerank[];
}

/** The numbers of a report from the rows of each policy. */
export function summarise(policies: readonly EvaluatedPolicy[], options: EvaluationOptions = {}): ReportSummary {
  return summaryOf(
    policies.map(({ rows, ...policy }) => ({
      ...policy,
      summary: evaluateRows(rows, options),
      byPrompt: passAt1ByPrompt(rows),
    })),
  );
}

/** The same from numbers that are there already. */
export function summaryOf(policies: readonly PolicyNumbers[]): ReportSummary {
  return {
    schema: 2,
    bootstrap: policies[0]?.summary.bootstrap ?? null,
    results: policies.map((policy, i) => resultRow(policy, i === 0 ? null : policies[0]!)),
    rerank: policies.flatMap(({ name, critic, summary }) =>
      critic === undefined ? [] : [rerankOf(name, critic, summary)],
    ),
  };
}

function resultRow({ name, summary, byPrompt }: PolicyNumbers, first: PolicyNumbers | null): ResultRow {
  const passAtK = summary.passAtK.map(({ k, plain }) => ({ k, estimate: plain }));
  return {
    name,
    prompts: summary.prompts,
    samplesPerPrompt: summary.samplesPerPrompt.min,
    passAt1: passAtK.find(({ k }) => k === 1)!.estimate,
    passAtK,
    overFirst:
      first === null || first.byPrompt === null || byPrompt === null
        ? null
        : overFirst(byPrompt, first.byPrompt, summary),
  };
}

function overFirst(
  ours: ReadonlyMap<string, number>,
  theirs: ReadonlyMap<string, number>,
  { bootstrap }: EvaluationSummary,
): Estimate | null {
  const isSameSet = ours.size === theirs.size && [...ours.keys()].every((id) => theirs.has(id));
  if (!isSameSet) return null;
  return pairedDifference(ours, theirs, drawResamples(ours.size, bootstrap.resamples, bootstrap.seed));
}

function rerankOf(policy: string, critic: string, summary: EvaluationSummary): Rerank {
  const { prompts, bestOfN, rewardGain, separation, calibration, rewards, selector, completions, counts } = summary;
  return {
    policy,
    critic,
    prompts,
    bestOfN,
    rewardGain,
    separation,
    calibration,
    rewards,
    selector,
    completions,
    counts,
  };
}
