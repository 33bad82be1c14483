import type { LengthLimits } from '../data/check-lengths.ts';
import { splitSteps } from '../segment/step-splitter.ts';
import type { Demonstration, Task, TaskPrompt } from '../task/task.ts';

export interface LongestTaskOptions {
  readonly vocabSize: number;
  readonly limits: LengthLimits;
  readonly demonstrations: number;
  readonly dev: number;
}

/**
 * A prompt that shows the expert (OPSD): as long as a completion may be, on top of its own length; the words around the
 * expert are few.
 */
export function teacherPromptTokens({ maxPromptTokens, maxCompletionTokens }: LengthLimits): number {
  return maxPromptTokens + maxCompletionTokens;
}

/**
 * A task without texts whose prompts and completions all have the longest lengths allowed, and which nothing ends
 * before: what a run on it takes is the most that a run on rows within the limits can take.
 */
export function longestTask({ vocabSize, limits, demonstrations, dev }: LongestTaskOptions): Task {
  const promptIds = new Uint32Array(limits.maxPromptTokens);
  const completionIds = new Uint32Array(limits.maxCompletionTokens);
  // A copy that is the same would not be taken for a negative.
  const corruptedIds = new Uint32Array(limits.maxCompletionTokens).fill(1);
  const prompt = (id: string): TaskPrompt => ({ id, text: '', promptIds, gold: '' });
  const rows = Array.from(
    { length: demonstrations },
    (_, i): Demonstration => ({ ...prompt(`demonstration-${i}`), completionIds }),
  );
  return {
    name: 'longest',
    vocabSize,
    endIds: [],
    ...limits,
    demonstrations: rows,
    dev: Array.from({ length: dev }, (_, i) => prompt(`dev-${i}`)),
    test: [],
    unlabelled: (index) => prompt(`unlabelled-${index}`),
    decode: () => '',
    pieces: (ids) => Array.from({ length: ids.length }, () => ''),
    stepRule: splitSteps,
    check: () => ({ outcome: 'wrong', answer: null, strict: false }),
    criticPromptIds: (ids) => ids,
    teacherPromptIds: () => new Uint32Array(teacherPromptTokens(limits)),
    forced: (ids) => new Uint8Array(ids.length),
    corrupt: () => ({ completionIds: corruptedIds, functions: ['longest'] }),
  };
}
