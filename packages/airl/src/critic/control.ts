import type { Draws } from '../data/draws.ts';
import type { TraceRecord } from '../record.ts';
import type { Task } from '../task/task.ts';
import type { CriticExamples } from './critic-update.ts';

/**
 * Controls that a run is compared with: a critic whose labels mean nothing, and one that sees of a completion only
 * how long it is. A gain that is there under a control does not come from what experts write.
 */
export const CRITIC_CONTROLS = ['none', 'shuffled_labels', 'length_only'] as const;
export type CriticControl = (typeof CRITIC_CONTROLS)[number];

/**
 * The labels of an update's examples permuted within each prompt: every prompt keeps as many of each class, so that
 * nothing is left to tell the classes by.
 */
export function shuffleLabels({ positives, negatives }: CriticExamples, draws: Draws): CriticExamples {
  const shuffled: { positives: TraceRecord[]; negatives: TraceRecord[] } = { positives: [], negatives: [] };
  for (const promptId of new Set([...positives, ...negatives].map((record) => record.promptId))) {
    const own = [...positives, ...negatives].filter((record) => record.promptId === promptId);
    const count = positives.filter((record) => record.promptId === promptId).length;
    const mixed = draws.some(own, own.length);
    shuffled.positives.push(...mixed.slice(0, count));
    shuffled.negatives.push(...mixed.slice(count));
  }
  return shuffled;
}

/**
 * The records as a critic sees them that is shown nothing but lengths: each completion token is the task's end token.
 * Prompts and marks stay.
 */
export function lengthOnly(task: Task, records: readonly TraceRecord[]): TraceRecord[] {
  const [filler = 0] = task.endIds;
  return records.map((record) => ({
    ...record,
    completionIds: new Uint32Array(record.completionIds.length).fill(filler),
  }));
}
