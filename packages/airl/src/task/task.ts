import type { Draws } from '../data/draws.ts';
import type { StepRule } from '../segment/step-splitter.ts';
import type { ChoiceOptions, Verdict } from '../verify/verdict.ts';

/** A question as the trainers see it. Ids are made once, here. */
export interface TaskPrompt {
  readonly id: string;
  readonly text: string;
  /** All tokens before the first token of the completion. */
  readonly promptIds: Uint32Array;
  readonly gold: string;
  /** The options of a multiple-choice question, for the checker. */
  readonly options?: ChoiceOptions;
}

/** A question with an expert's completion, its end token included. */
export interface Demonstration extends TaskPrompt {
  readonly completionIds: Uint32Array;
  /** The completion was made wrong on purpose (`corruptExperts`). */
  readonly isExpertError?: boolean;
}

/** An expert's completion made wrong. */
export interface CorruptedExpert {
  readonly completionIds: Uint32Array;
  readonly functions: readonly string[];
}

/**
 * The environment of a rollout: the token that it writes after the first `length` of `tokens` (prompt
 * and completion), or undefined where the policy writes.
 */
export type Environment = (tokens: ArrayLike<number>, length: number) => number | undefined;

/** All that the trainers and the evaluation need to know of a task. */
export interface Task {
  readonly name: string;
  readonly vocabSize: number;
  /** The ids that end a completion. */
  readonly endIds: readonly number[];
  readonly maxPromptTokens: number;
  readonly maxCompletionTokens: number;
  /** The expert set; SFT trains on it and the critic takes its positives from it. */
  readonly demonstrations: readonly Demonstration[];
  readonly dev: readonly TaskPrompt[];
  readonly test: readonly TaskPrompt[];
  /** Training prompt number `index` without a demonstration; undefined where the task has none. */
  readonly unlabelled: (index: number) => TaskPrompt | undefined;
  readonly decode: (completionIds: ArrayLike<number>) => string;
  /** The text of each token, for marks and for display. */
  readonly pieces: (completionIds: ArrayLike<number>) => string[];
  readonly stepRule: StepRule;
  /** The programmatic checker; pure imitation uses it for reports alone. */
  readonly check: (completionText: string, prompt: Pick<TaskPrompt, 'gold' | 'options'>) => Verdict;
  /** The prompt as the critic reads it; as long as the policy's. */
  readonly criticPromptIds: (promptIds: Uint32Array) => Uint32Array;
  /** A demonstrated prompt that shows the expert's completion too; absent where prompts have no room for it. */
  readonly teacherPromptIds?: (demonstration: Demonstration) => Uint32Array;
  readonly environment?: Environment;
  /** 1 at each completion token that the environment writes; length T. */
  readonly forced: (completionIds: ArrayLike<number>) => Uint8Array;
  /** A wrong copy of a demonstration, or undefined where none could be made. */
  readonly corrupt: (demonstration: Demonstration, draws: Draws) => CorruptedExpert | undefined;
  /** All wrong traces that came with a demonstration and are within the limits (D8: n of n are kept). */
  readonly storedCorruptions?: (demonstration: Demonstration) => readonly CorruptedExpert[];
}
