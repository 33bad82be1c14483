import type { GuidedCost } from '@dawngrad/airl';
import {
  drawResamples,
  type Estimate,
  type EvalRow,
  estimateMean,
  formatEstimate,
  formatPoints,
  groupByPrompt,
  isCorrect,
  pairedDifference,
  type SelectorName,
  selectScore,
} from '@dawngrad/eval';

/** Weights that a token goes through. */
export interface ModelSizes {
  readonly policy: number;
  readonly critic: number;
}

/** Guided decoding beside the best of N plain samples by the same critic, which cost as much. */
export interface GuidanceComparison {
  readonly temperature: number | null;
  readonly prompts: number;
  /** Guided samples of each prompt; each stands against one best of N. */
  readonly samples: number;
  readonly best_of: number;
  /** Tokens through each model for all guided samples. */
  readonly policy_tokens: number;
  readonly critic_tokens: number;
  /** Compute of the plain samples as a share of that of the guided ones; a token costs its model's weights. */
  readonly compute_ratio: number;
  readonly guided: Estimate;
  readonly plain_best_of: Estimate;
  readonly plain_mean: Estimate;
  /** guided - plain_best_of, paired by prompt. */
  readonly difference: Estimate;
}

/** What samples take: prompts once in the policy, whole texts in the critic. */
function plainCompute(tokens: { readonly prompt: number; readonly completion: number }, sizes: ModelSizes): number {
  return tokens.completion * sizes.policy + (tokens.prompt + tokens.completion) * sizes.critic;
}

/** N of best-of-N for which plain samples, scored by the critic, cost what the guided ones did; at least 1. */
export function bestOfAtEqualCompute(
  rows: readonly EvalRow[],
  costs: ReadonlyMap<string, GuidedCost>,
  promptTokens: ReadonlyMap<string, number>,
  sizes: ModelSizes,
): number {
  const once = [...costs.keys()].reduce((sum, id) => sum + (promptTokens.get(id) ?? 0) * sizes.policy, 0);
  const each = rows.reduce(
    (sum, row) =>
      sum + plainCompute({ prompt: promptTokens.get(row.prompt_id) ?? 0, completion: lengthOf(row) }, sizes),
    0,
  );
  return Math.max(1, Math.round((guidedCompute(costs, sizes) - once) / each));
}

/** Compares guided rows with plain ones of the same prompts, `bestOf` times as many. */
export function compareAtEqualCompute(
  guided: readonly EvalRow[],
  plain: readonly EvalRow[],
  options: {
    readonly temperature: number | null;
    readonly costs: ReadonlyMap<string, GuidedCost>;
    readonly promptTokens: ReadonlyMap<string, number>;
    readonly sizes: ModelSizes;
    readonly bestOf: number;
    readonly selector: SelectorName;
    readonly resamples: number;
    readonly seed: number;
  },
): GuidanceComparison {
  const { costs, promptTokens, sizes, bestOf, selector } = options;
  const ofGuided = accuracyByPrompt(guided);
  const ofBest = new Map(
    groupByPrompt(plain).map(({ promptId, rows }) => [promptId, bestOfGroups(rows, bestOf, selector)]),
  );
  const resamples = drawResamples(ofGuided.size, options.resamples, options.seed);
  const once = [...costs.keys()].reduce((sum, id) => sum + (promptTokens.get(id) ?? 0) * sizes.policy, 0);
  const spent = plain.reduce(
    (sum, row) =>
      sum + plainCompute({ prompt: promptTokens.get(row.prompt_id) ?? 0, completion: lengthOf(row) }, sizes),
    once,
  );
  return {
    temperature: options.temperature,
    prompts: ofGuided.size,
    samples: guided.length / ofGuided.size,
    best_of: bestOf,
    policy_tokens: sumOf(costs, ({ policyTokens }) => policyTokens),
    critic_tokens: sumOf(costs, ({ criticTokens }) => criticTokens),
    compute_ratio: spent / guidedCompute(costs, sizes),
    guided: estimateMean([...ofGuided.values()], resamples),
    plain_best_of: estimateMean([...ofBest.values()], resamples),
    plain_mean: estimateMean([...accuracyByPrompt(plain).values()], resamples),
    difference: pairedDifference(ofGuided, ofBest, resamples),
  };
}

/** What `dawngrad evaluate` prints of it. */
export function comparisonText(method: string, comparison: GuidanceComparison): string {
  const { guided, plain_best_of, plain_mean, difference, best_of, prompts, samples } = comparison;
  const { temperature, policy_tokens, critic_tokens, compute_ratio } = comparison;
  return [
    `guidance ${method}${temperature === null ? '' : ` at temperature ${temperature}`}: ${prompts} prompts x ${samples} samples, ` +
      `${policy_tokens} policy tokens and ${critic_tokens} critic tokens`,
    `  guided ${formatEstimate(guided)} %; best of ${best_of} plain samples by the critic ${formatEstimate(plain_best_of)} %`,
    `  guided minus best of ${best_of}: ${formatEstimate(difference, formatPoints)} points; a plain sample ${formatEstimate(plain_mean)} %`,
    `  the plain samples took ${compute_ratio.toFixed(2)} x the compute of the guided ones`,
    '',
  ].join('\n');
}

function bestOfGroups(rows: readonly EvalRow[], size: number, selector: SelectorName): number {
  let total = 0;
  let groups = 0;
  for (let start = 0; start + size <= rows.length; start += size) {
    const group = rows.slice(start, start + size);
    const scores = group.map(({ reward_model_score: tokens }) => {
      const score = tokens === null ? Number.NaN : selectScore(selector, tokens);
      // A score that is no number ranks last (D29).
      return Number.isFinite(score) ? score : Number.NEGATIVE_INFINITY;
    });
    const best = Math.max(...scores);
    const tied = group.filter((_, i) => scores[i] === best);
    total += tied.filter(isCorrect).length / tied.length;
    groups++;
  }
  return total / groups;
}

function accuracyByPrompt(rows: readonly EvalRow[]): Map<string, number> {
  return new Map(
    groupByPrompt(rows).map(({ promptId, rows: own }) => [promptId, own.filter(isCorrect).length / own.length]),
  );
}

function guidedCompute(costs: ReadonlyMap<string, GuidedCost>, sizes: ModelSizes): number {
  return sumOf(costs, ({ policyTokens, criticTokens }) => policyTokens * sizes.policy + criticTokens * sizes.critic);
}

function sumOf(costs: ReadonlyMap<string, GuidedCost>, of: (cost: GuidedCost) => number): number {
  return [...costs.values()].reduce((sum, cost) => sum + of(cost), 0);
}

function lengthOf({ completion_ids }: EvalRow): number {
  return completion_ids?.length ?? 0;
}
