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
  /** The task's comparison of a sample's text with an answer to its prompt. */
  readonly check: (completionText: string, answer: string, record: TraceRecord) => Verdict;
}

export interface RelabelCounts {
  /** Samples that were compared with an answer of their own prompt. */
  readonly compared: number;
  /** Those that became positives. */
  readonly relabelled: number;
  /** Those in which no answer was found; they stay negatives. */
  readonly unparsed: number;
}

/** Whether a run under this mode depends on a programmatic checker; its report must say so. */
export function usesChecker(mode: RelabelMode): boolean {
  return mode !== 'off';
}

/**
 * Sets the labels of a round's policy samples (r-airl.md, section 3.8). Every sample is compared with
 * the answer of its own prompt (D1) and none is dropped; records of other sources stay as they are.
 */
export function relabel(records: readonly TraceRecord[], options: RelabelOptions): RelabelCounts {
  const { mode, round, experts, check } = options;
  let compared = 0;
  let relabelled = 0;
  let unparsed = 0;
  if (!usesChecker(mode)) return { compared, relabelled, unparsed };
  for (const record of records) {
    if (record.source !== 'policy') continue;
    const answer = mode === 'checker' ? record.gold : experts.get(record.promptId)?.answerExtracted;
    if (answer === undefined || answer === null) continue;
    compared++;
    const { outcome } = check(record.text, answer, record);
    const agrees = outcome === 'correct';
    if (agrees) relabelled++;
    if (outcome === 'unparsed') unparsed++;
    setLabel(record, agrees ? 'positive' : 'negative', `${mode}: ${agrees ? 'same' : 'other'} answer`, round);
  }
  return { compared, relabelled, unparsed };
}
