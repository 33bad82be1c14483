import { type EvaluationOptions, type EvaluationSummary, evaluateRows, passAt1ByPrompt } from '../evaluate-rows.ts';
import type { EvalRow } from '../row.ts';
import { type Estimate, pairedDifference } from '../stats/estimate.ts';
import { drawResamples } from '../stats/resample.ts';
import { type MetricRow, type StageCurves, stageCurves } from './curves.ts';
import { type Histogram, histogram } from './histogram.ts';

/** One policy's completions of the shared test prompts. */
export interface EvaluatedPolicy {
  readonly name: string;
  readonly rows: readonly EvalRow[];
  /** Whose scores the rows carry, for instance "R-AIRL critic, interval"; absent when they carry none. */
  readonly critic?: string;
}

export interface StageMetrics {
  readonly name: string;
  readonly metrics: readonly MetricRow[];
  /** Which metrics to draw; by default a preferred few. */
  readonly keys?: readonly string[];
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
  readonly ece: Estimate | null;
  readonly rewards: Histogram | null;
  readonly selector: string;
  readonly completions: number;
  readonly counts: EvaluationSummary['counts'];
}

/** All numbers of a report: tables and figures are pure functions of it. */
export interface ReportSummary {
  readonly schema: 1;
  readonly bootstrap: EvaluationSummary['bootstrap'];
  readonly results: readonly ResultRow[];
  readonly rerank: readonly Rerank[];
  readonly stages: readonly StageCurves[];
}

/** The numbers of a report from the rows of each policy and the metrics of each stage. */
export function summarise(
  policies: readonly EvaluatedPolicy[],
  stages: readonly StageMetrics[],
  options: EvaluationOptions = {},
): ReportSummary {
  const evaluated = policies.map((policy) => ({ policy, summary: evaluateRows(policy.rows, options) }));
  return {
    schema: 1,
    bootstrap: evaluated[0]?.summary.bootstrap ?? { resamples: 0, seed: 0 },
    results: evaluated.map(({ policy, summary }, i) => resultRow(policy, summary, i === 0 ? null : policies[0]!)),
    rerank: evaluated.flatMap(({ policy, summary }) =>
      policy.critic === undefined ? [] : [rerankOf(policy.name, policy.critic, summary)],
    ),
    stages: stages.map((stage) => stageCurves(stage.name, stage.metrics, stage.keys)),
  };
}

function resultRow(policy: EvaluatedPolicy, summary: EvaluationSummary, first: EvaluatedPolicy | null): ResultRow {
  const passAtK = summary.passAtK.map(({ k, plain }) => ({ k, estimate: plain }));
  return {
    name: policy.name,
    prompts: summary.prompts,
    samplesPerPrompt: summary.samplesPerPrompt.min,
    // evaluateRows always gives k = 1, first.
    passAt1: passAtK[0]!.estimate,
    passAtK,
    overFirst: first === null ? null : difference(policy, first, summary.bootstrap),
  };
}

function difference(
  policy: EvaluatedPolicy,
  first: EvaluatedPolicy,
  bootstrap: EvaluationSummary['bootstrap'],
): Estimate | null {
  const ours = passAt1ByPrompt(policy.rows);
  const theirs = passAt1ByPrompt(first.rows);
  const samePrompts = ours.size === theirs.size && [...ours.keys()].every((id) => theirs.has(id));
  if (!samePrompts) return null;
  return pairedDifference(ours, theirs, drawResamples(ours.size, bootstrap.resamples, bootstrap.seed));
}

function rerankOf(policy: string, critic: string, summary: EvaluationSummary): Rerank {
  const { prompts, completions, bestOfN, rewardGain, separation, ece, rewards, selector, counts } = summary;
  return {
    policy,
    critic,
    prompts,
    completions,
    bestOfN,
    rewardGain,
    separation,
    ece,
    rewards: histogram(rewards.correct, rewards.wrong),
    selector,
    counts,
  };
}
