import { setLabel, type TraceRecord } from './record.ts';
import type { Verdict } from './verify/verdict.ts';

/**
 * Whether samples with the right answer count as experts: never; where they agree with the expert's own
 * answer; or where the checker accepts them. Anything but `off` makes a run depend on answers, and its
 * report must say so.
 */
export const RELABEL_MODES = ['off', 'expert-agreement', 'checker'] as const;
export type RelabelMode = (typeof RELABEL_MODES)[number];

export interface RelabelOptions {
  readonly mode: RelabelMode;
  readonly round: number;
  /** The expert record of each demonstrated prompt. */
  readonly experts: ReadonlyMap<string, TraceRecord>;
  /** The task's comparison of a completion with an answer. */
  readonly check: (completionText: string, answer: string) => Verdict;
}

export interface RelabelCounts {
  /** Samples that were compared with an answer of their own prompt. */
  readonly compared: number;
  /** Those that became positives. */
  readonly relabelled: number;
}

/**
 * Sets the labels of a round's policy samples (r-airl.md, section 3.8). Every sample is compared with
 * the answer of its own prompt (D1) and none is dropped; records of other sources stay as they are.
 */
export function relabel(records: readonly TraceRecord[], options: RelabelOptions): RelabelCounts {
  const { mode, round, experts, check } = options;
  let compared = 0;
  let relabelled = 0;
  if (mode === 'off') return { compared, relabelled };
  for (const record of records) {
    if (record.source !== 'policy') continue;
    const answer = mode === 'checker' ? record.gold : experts.get(record.promptId)?.answerExtracted;
    if (answer === undefined || answer === null) continue;
    compared++;
    const agrees = check(record.text, answer).outcome === 'correct';
    if (agrees) relabelled++;
    setLabel(record, agrees ? 'positive' : 'negative', `${mode}: ${agrees ? 'same' : 'other'} answer`, round);
  }
  return { compared, relabelled };
}
