import type { RecordRules, TraceRecord } from '../record.ts';
import { type Granularity, marksOf, segmentsOf } from '../segment/marks.ts';
import type { CorruptedExpert, Demonstration, Task, TaskPrompt } from './task.ts';

/** Where the critic is read. */
export interface MarkChoice {
  readonly granularity: Granularity;
  readonly intervalTokens?: number;
}

/** The marks of a completion of a task: the one place that makes them. */
export function taskMarks(task: Task, completionIds: ArrayLike<number>, choice: MarkChoice): Uint32Array {
  return marksOf(choice.granularity, task.pieces(completionIds), { stepRule: task.stepRule, ...choice });
}

/** What `checkRecords` needs to know of a task. */
export function taskRecordRules(task: Task, choice: MarkChoice): RecordRules {
  return {
    endIds: task.endIds,
    vocabSize: task.vocabSize,
    decode: task.decode,
    marks: (completionIds) => taskMarks(task, completionIds, choice),
  };
}

/** The record of an expert's demonstration. */
export function expertRecord(task: Task, demonstration: Demonstration, choice: MarkChoice): TraceRecord {
  const { completionIds, id } = demonstration;
  return create(task, demonstration, completionIds, choice, { id: `${id}/expert`, source: 'expert', round: 0 });
}

/** The record of sample number `index` of a prompt in a round (0 is the critic's warm-up). */
export function policyRecord(
  task: Task,
  prompt: TaskPrompt,
  completionIds: Uint32Array,
  choice: MarkChoice,
  at: { readonly round: number; readonly index: number },
): TraceRecord {
  const { round, index } = at;
  return create(task, prompt, completionIds, choice, {
    id: `${prompt.id}/policy-${round}-${index}`,
    source: 'policy',
    round,
  });
}

/** The record of a corrupted expert; `index` tells the corruptions of one expert in a round apart. */
export function corruptRecord(
  task: Task,
  demonstration: Demonstration,
  corrupted: CorruptedExpert,
  choice: MarkChoice,
  at: { readonly round: number; readonly index: number },
): TraceRecord {
  const { id } = demonstration;
  const { round, index } = at;
  return create(task, demonstration, corrupted.completionIds, choice, {
    id: `${id}/corrupt-${round}-${index}`,
    source: 'corrupt',
    round,
    corruption: { sourceId: `${id}/expert`, functions: corrupted.functions },
  });
}

function create(
  task: Task,
  prompt: TaskPrompt,
  completionIds: Uint32Array,
  choice: MarkChoice,
  origin: Pick<TraceRecord, 'id' | 'source' | 'round' | 'corruption'>,
): TraceRecord {
  const text = task.decode(completionIds);
  const verdict = task.check(text, prompt);
  const marks = taskMarks(task, completionIds, choice);
  const ended = task.endIds.includes(completionIds[completionIds.length - 1] as number);
  return {
    ...origin,
    promptId: prompt.id,
    promptIds: prompt.promptIds,
    completionIds,
    forced: task.forced(completionIds),
    // Only a policy can be cut off; an expert without an end token is a fault that I5 finds.
    finish: ended || origin.source !== 'policy' ? 'end' : 'length',
    text,
    answerExtracted: verdict.answer,
    gold: prompt.gold,
    correct: verdict.outcome === 'correct',
    marks,
    segments: segmentsOf(marks),
    label: origin.source === 'expert' ? 'positive' : 'negative',
    labelReason: `source ${origin.source}`,
    labelRound: -1,
    relabelled: false,
  };
}
