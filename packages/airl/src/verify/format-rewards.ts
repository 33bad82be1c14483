import { extractAnswer } from './extract.ts';

const TAGS = ['<think>', '</think>', '<answer>', '</answer>'] as const;

/** A reward for the form of a completion, whatever its answer; 0 or more, at most 0.5. Linear in the text. */
export type FormatReward = (completion: string) => number;

/** 0.125 for each of the four tags that occurs exactly once. */
const tagCount: FormatReward = (text) => TAGS.filter((tag) => occurrences(text, tag) === 1).length * 0.125;

/** 0.5 where `<think>`, `</think>`, `<answer>`, `</answer>` follow one another anywhere in the text. */
const softFormat: FormatReward = (text) => {
  let at = 0;
  for (const tag of TAGS) {
    const found = text.indexOf(tag, at);
    if (found < 0) return 0;
    at = found + tag.length;
  }
  return 0.5;
};

/** 0.5 where the text is exactly one think block and one answer block, white space around them aside. */
const strictFormat: FormatReward = (text) => {
  const whole = text.trim();
  const [open, close, answer, end] = TAGS;
  if (tagCount(whole) !== 0.5 || !whole.startsWith(open) || !whole.endsWith(end)) return 0;
  const closed = whole.indexOf(close);
  const answered = whole.indexOf(answer);
  return closed < answered && whole.slice(closed + close.length, answered).trim() === '' ? 0.5 : 0;
};

/** 0.5 where the answer is digits alone. */
const integerAnswer: FormatReward = (text) => (/^\d+$/.test(extractAnswer(text) ?? '') ? 0.5 : 0);

/**
 * The format rewards by name (r-airl.md, section 6). The reference's tag count also lost 0.001 for each
 * character behind the answer and so rewarded a missing final newline (D20); `referenceTagCount` is that.
 */
export const FORMAT_REWARDS = {
  tag_count: tagCount,
  soft_format: softFormat,
  strict_format: strictFormat,
  integer_answer: integerAnswer,
} as const satisfies Record<string, FormatReward>;

export type FormatRewardName = keyof typeof FORMAT_REWARDS;

/** The reference's `xmlcount`, for comparison with its logs only: unbounded below, 0.501 at the most. */
export function referenceTagCount(text: string): number {
  let reward = tagCount(text);
  const behind = text.length - (text.lastIndexOf('</answer>') + '</answer>'.length);
  if (occurrences(text, '<answer>') === 1) reward -= 0.001 * (text.includes('</answer>') ? behind : 0);
  if (occurrences(text, '</answer>') === 1) reward -= 0.001 * (behind - 1);
  return reward;
}

function occurrences(text: string, tag: string): number {
  let count = 0;
  for (let at = text.indexOf(tag); at >= 0; at = text.indexOf(tag, at + tag.length)) count++;
  return count;
}
