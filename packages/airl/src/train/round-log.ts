import type { Advantages } from '../credit/advantage.ts';
import { meanReward } from '../credit/reward.ts';
import { REWARD_FUNCTIONS, type RewardWeights, weightedFunctions } from '../credit/reward-functions.ts';
import type { MetricRow } from '../metrics/names.ts';
import type { TraceRecord } from '../record.ts';
import type { Task } from '../task/task.ts';
import type { PolicyUpdateResult } from './policy-update.ts';
import type { SampleRow } from './run-context.ts';

/** What a round's samples and their rewards say, those of the weighted functions one by one. */
export function roundMetrics(
  records: readonly TraceRecord[],
  advantages: Advantages,
  weights: RewardWeights = {},
): MetricRow {
  const [reward, deviation] = meanAndDeviation(Array.from(advantages.rewards));
  const functions: MetricRow = {};
  for (const [name, weight] of weightedFunctions(weights)) {
    const [mean, std] = meanAndDeviation(records.map((record) => weight * REWARD_FUNCTIONS[name](record)));
    functions[`rewards/${name}/mean`] = mean;
    functions[`rewards/${name}/std`] = std;
  }
  return {
    reward,
    reward_std: deviation,
    frac_reward_zero_std: advantages.zeroSpreadGroups,
    ...functions,
    ...sampleMetrics(records),
  };
}

/** What a round's samples say, whatever they are rewarded for. */
export function sampleMetrics(records: readonly TraceRecord[]): MetricRow {
  const lengths = records.map(({ completionIds }) => completionIds.length);
  const lengthsOf = (correct: boolean): number[] => lengths.filter((_, i) => records[i]!.correct === correct);
  const share = (is: (record: TraceRecord) => boolean): number => records.filter(is).length / records.length;
  return {
    accuracy: share(({ correct }) => correct),
    unparsed: share(({ answerExtracted }) => answerExtracted === null),
    'completions/mean_length': meanReward(lengths),
    'completions/min_length': Math.min(...lengths),
    'completions/max_length': Math.max(...lengths),
    ...meanUnlessEmpty('completions/mean_length_right', lengthsOf(true)),
    ...meanUnlessEmpty('completions/mean_length_wrong', lengthsOf(false)),
    'completions/clipped_ratio': share(({ finish }) => finish === 'length'),
  };
}

/** What the policy's update says. */
export function updateMetrics(result: PolicyUpdateResult): MetricRow {
  return {
    loss: result.loss,
    grad_norm: result.gradientNorm,
    ...(result.kl === undefined ? {} : { kl: result.kl }),
    ...(result.k1 === undefined ? {} : { kl_k1: result.k1 }),
    ...(result.k2 === undefined ? {} : { kl_k2: result.k2 }),
    entropy: result.entropy,
    'clip_ratio/region_mean': result.clipped,
    'clip_ratio/low_mean': result.clippedLow,
    'clip_ratio/high_mean': result.clippedHigh,
    'ratio/min': result.ratioMin,
    'ratio/max': result.ratioMax,
    'sampling/logp_diff_max': result.sampledError,
    'sampling/ratio_raw_max': Math.expm1(result.sampledError),
    'health/nonfinite': result.nonFinite,
  };
}

/** Tokens of the records' completions. */
export function completionTokens(records: readonly TraceRecord[]): number {
  return records.reduce((total, { completionIds }) => total + completionIds.length, 0);
}

/** The line of a sample. */
export function sampleRow(task: Task, step: number, record: TraceRecord, reward: number): SampleRow {
  return {
    step,
    id: record.id,
    prompt_id: record.promptId,
    prompt: task.decode(record.promptIds),
    completion: record.text,
    completion_ids: Array.from(record.completionIds),
    forced: Array.from(record.forced),
    answer: record.answerExtracted,
    gold: record.gold,
    correct: record.correct,
    finish: record.finish,
    reward,
    token_rewards: Array.from(record.critic ?? []),
    advantages: Array.from(record.advantage ?? []),
  };
}

/** The standard deviation is the unbiased one; 0 of a single value. */
function meanAndDeviation(values: readonly number[]): [number, number] {
  const mean = meanReward(values);
  const squares = values.reduce((total, value) => total + (value - mean) ** 2, 0);
  return [mean, values.length < 2 ? 0 : Math.sqrt(squares / (values.length - 1))];
}

function meanUnlessEmpty(
  name: 'completions/mean_length_right' | 'completions/mean_length_wrong',
  values: readonly number[],
): MetricRow {
  return values.length === 0 ? {} : { [name]: meanReward(values) };
}
