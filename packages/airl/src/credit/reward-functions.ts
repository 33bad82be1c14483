import type { TraceRecord } from '../record.ts';
import { FORMAT_REWARDS, type FormatReward, referenceTagCount } from '../verify/format-rewards.ts';

/** What a reward function reads of a sample. */
type RewardedSample = Pick<TraceRecord, 'text' | 'correct'>;

type RewardFunction = (sample: RewardedSample) => number;

const ofText =
  (reward: FormatReward): RewardFunction =>
  ({ text }) =>
    reward(text);

/**
 * The verifiable rewards of a sample by name: `correctness` is 1 where the checker calls the answer right, each form
 * of the text is worth 0.5 at the most. With weights {correctness: 2, xmlcount: 1, soft_format: 1, strict_format: 1,
 * integer_answer: 1} their sum is the reward of the reference's GRPO on math (r-airl.md, sections 5 and 6); its
 * `xmlcount` has no lower bound and prefers a missing final newline (D20), `tag_count` does neither.
 */
export const REWARD_FUNCTIONS = {
  correctness: ({ correct }) => (correct ? 1 : 0),
  tag_count: ofText(FORMAT_REWARDS.tag_count),
  soft_format: ofText(FORMAT_REWARDS.soft_format),
  strict_format: ofText(FORMAT_REWARDS.strict_format),
  integer_answer: ofText(FORMAT_REWARDS.integer_answer),
  xmlcount: ofText(referenceTagCount),
} as const satisfies Record<string, RewardFunction>;

export type RewardFunctionName = keyof typeof REWARD_FUNCTIONS;

/** What each function's value is multiplied by; those left out do not count. */
export type RewardWeights = Readonly<Partial<Record<RewardFunctionName, number>>>;

/** The functions that count, with their weights, in the order of the table. */
export function weightedFunctions(weights: RewardWeights): [RewardFunctionName, number][] {
  return (Object.keys(REWARD_FUNCTIONS) as RewardFunctionName[]).flatMap((name) => {
    const weight = weights[name] ?? 0;
    return weight === 0 ? [] : [[name, weight]];
  });
}
