import type { TraceRecord } from '../record.ts';
import { FORMAT_REWARDS, type FormatRewardName } from '../verify/format-rewards.ts';
import { REWARD_FUNCTIONS, type RewardWeights, weightedFunctions } from './reward-functions.ts';

/** DAPO's soft punishment of completions that come near to the length limit. */
export interface OverlongOptions {
  /** Tokens before the limit over which the penalty rises from 0; at least 1. */
  readonly bufferTokens: number;
  /** The penalty at the limit. */
  readonly penalty: number;
}

/** What a sample is rewarded for besides the trainer's own reward; all of it 0 or off unless said. */
export interface RewardSources {
  /** Of a right answer (1) by the checker. */
  readonly outcomeWeight?: number;
  /** Of the sum of `formats`. */
  readonly formatWeight?: number;
  /** `tag_count`, `soft_format` and `strict_format` unless said: at most 1.5 in all. */
  readonly formats?: readonly FormatRewardName[];
  /** Reward functions by name, each with its weight; they come on top of the two above. */
  readonly functions?: RewardWeights;
  readonly overlong?: OverlongOptions;
}

const FORMATS: readonly FormatRewardName[] = ['tag_count', 'soft_format', 'strict_format'];

/**
 * The reward of a sample as a whole from all sources; undefined where none is on, so that there is nothing to
 * normalise.
 *
 * @param maxTokens the length limit of completions
 */
export function sourceReward(
  { text, correct, completionIds }: Pick<TraceRecord, 'text' | 'correct' | 'completionIds'>,
  { outcomeWeight = 0, formatWeight = 0, formats = FORMATS, functions = {}, overlong }: RewardSources,
  maxTokens: number,
): number | undefined {
  const named = weightedFunctions(functions);
  if (outcomeWeight === 0 && formatWeight === 0 && named.length === 0 && overlong === undefined) return undefined;
  const format = formatWeight === 0 ? 0 : formats.reduce((sum, name) => sum + FORMAT_REWARDS[name](text), 0);
  const penalty = overlong === undefined ? 0 : overlongPenalty(completionIds.length, maxTokens, overlong);
  const sum = named.reduce((total, [name, weight]) => total + weight * REWARD_FUNCTIONS[name]({ text, correct }), 0);
  return outcomeWeight * (correct ? 1 : 0) + formatWeight * format + sum - penalty;
}

/**
 * 0 up to the limit less the buffer, then linear up to the penalty at the limit.
 * Source: Yu et al. 2025 (DAPO), arXiv 2503.14476, eq. 13.
 */
function overlongPenalty(length: number, maxTokens: number, { bufferTokens, penalty }: OverlongOptions): number {
  const over = length - (maxTokens - bufferTokens);
  return penalty * Math.min(Math.max(over / bufferTokens, 0), 1);
}
