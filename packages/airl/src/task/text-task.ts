import { ToolError } from '@dawngrad/tensor';
import { checkLengths, type LengthLimits, type OverlongPolicy } from '../data/check-lengths.ts';
import { type Example, foldedPrompt } from '../data/example.ts';
import { DataOrder } from '../data/order.ts';
import { assertDisjoint } from '../data/splits.ts';
import { STREAMS } from '../data/streams.ts';
import { type CorruptionName, corruptTarget } from '../perturb/corrupt-target.ts';
import { splitSteps } from '../segment/step-splitter.ts';
import { CHECKERS, type CheckerName } from '../verify/checkers.ts';
import type { CorruptedExpert, Demonstration, Task, TaskPrompt } from './task.ts';
import { teacherText } from './teacher-prompt.ts';

/** How text becomes ids and back: a tokenizer with the chat template, if there is one, around it. */
export interface TextCodec {
  readonly vocabSize: number;
  /** The id that ends an expert's completion. */
  readonly endId: number;
  /** All ids that end a completion, `endId` among them. Default: it alone. */
  readonly endIds?: readonly number[];
  /** The ids of a user's text up to the first token of the completion. */
  readonly encodePrompt: (text: string) => readonly number[];
  /** The same with a system message before it; absent where there is no such thing. */
  readonly encodeSystemPrompt?: (system: string, text: string) => readonly number[];
  /** The ids of a completion's text, without the end token. */
  readonly encodeCompletion: (text: string) => readonly number[];
  /** The text of a completion, the end token left out. */
  readonly decode: (ids: readonly number[]) => string;
  /** The text of each token. */
  readonly pieces: (ids: readonly number[]) => readonly string[];
}

export interface TextTaskOptions {
  readonly name: string;
  /** Rows with a target. */
  readonly demonstrations: readonly Example[];
  /** Further training prompts; their targets are not looked at. */
  readonly unlabelled: readonly Example[];
  readonly dev: readonly Example[];
  readonly test: readonly Example[];
  readonly codec: TextCodec;
  readonly limits: LengthLimits;
  readonly overlong: OverlongPolicy;
  readonly checker: CheckerName;
  /** The ways to make negatives of experts; none where empty. */
  readonly corruptions: readonly CorruptionName[];
  /** Puts instructions into the user's text although there are system messages. Default false. */
  readonly noSystem?: boolean;
  /** Seed of the order of unlabelled prompts. */
  readonly seed: number;
}

/** A task of text rows, with the number of rows that were left out for their length. */
export interface TextTask extends Task {
  readonly dropped: number;
  readonly storedCorruptions: NonNullable<Task['storedCorruptions']>;
}

/**
 * Makes a task of text rows: tokenises them once and checks their lengths (`checkLengths`).
 *
 * @throws ToolError `config` for overlong rows, for demonstrations without a target, and for a prompt in
 * two splits (demonstrations and unlabelled prompts count as one)
 */
export function createTextTask(options: TextTaskOptions): TextTask {
  const { codec, limits, dev, test } = options;
  assertDisjoint({ train: [...options.demonstrations, ...options.unlabelled], dev, test });
  let dropped = 0;
  const within = <Row extends TaskPrompt & { completionIds?: Uint32Array }>(rows: readonly Row[]): Row[] => {
    const lengths = rows.map(({ id, promptIds, completionIds }) => ({
      id,
      promptTokens: promptIds.length,
      completionTokens: completionIds?.length ?? 0,
    }));
    const report = checkLengths(lengths, limits, options.overlong);
    dropped += report.dropped;
    return rows.filter(({ id }) => report.kept.has(id));
  };
  const prompts = (rows: readonly Example[]): TaskPrompt[] => within(rows.map((row) => encodeRow(row, options)));

  const demonstrations = within(options.demonstrations.map((row) => encodeDemonstration(row, options)));
  const sources = new Map(options.demonstrations.map((row) => [row.id, row]));
  const unlabelled = prompts(options.unlabelled);
  const order = new DataOrder(options.seed, STREAMS.unlabelled, unlabelled.length);
  const endIds = codec.endIds ?? [codec.endId];
  // The end token is in the ids and not in the text, wherever it stands.
  const withoutEnd = (ids: ArrayLike<number>): number[] => Array.from(ids).filter((id) => !endIds.includes(id));

  /** A longer number may push an expert over the limit; such a copy is not used. */
  const withinLimit = (completionIds: Uint32Array, functions: readonly string[]): CorruptedExpert | undefined =>
    completionIds.length > limits.maxCompletionTokens ? undefined : { completionIds, functions };

  const task: Omit<TextTask, 'dropped'> = {
    name: options.name,
    vocabSize: codec.vocabSize,
    endIds,
    ...limits,
    demonstrations,
    dev: prompts(dev),
    test: prompts(test),
    unlabelled: (index) => (unlabelled.length === 0 ? undefined : unlabelled[order.at(index)]),
    decode: (ids) => codec.decode(withoutEnd(ids)),
    pieces: (ids) => [...codec.pieces(Array.from(ids))],
    stepRule: splitSteps,
    check: (completionText, { gold, options: choices }) => CHECKERS[options.checker](completionText, gold, choices),
    criticPromptIds: (promptIds) => promptIds,
    teacherPromptIds: ({ id }) => {
      const row = sources.get(id) as Example & { readonly target: string };
      return encodeRow({ ...row, prompt: teacherText(row.prompt, row.target) }, options).promptIds;
    },
    forced: (ids) => new Uint8Array(ids.length),
    corrupt: ({ id }, draws) => {
      if (options.corruptions.length === 0) return undefined;
      const corrupted = corruptTarget(sources.get(id) as Example, options.corruptions, draws);
      return corrupted && withinLimit(encodeTarget(corrupted.text, codec), corrupted.functions);
    },
    storedCorruptions: ({ id }) =>
      (sources.get(id)?.corruptedTargets ?? [])
        .map((text) => withinLimit(encodeTarget(text, codec), ['stored_trace']))
        .filter((made) => made !== undefined),
  };
  return { ...task, dropped };
}

function encodeRow(row: Example, { codec, noSystem = false }: TextTaskOptions): TaskPrompt {
  const { id, system, prompt, answer, options } = row;
  const text = foldedPrompt(row);
  const ids =
    system === undefined || noSystem || codec.encodeSystemPrompt === undefined
      ? codec.encodePrompt(text)
      : codec.encodeSystemPrompt(system, prompt);
  return { id, text, promptIds: Uint32Array.from(ids), gold: answer, ...(options === undefined ? {} : { options }) };
}

function encodeDemonstration(row: Example, options: TextTaskOptions): Demonstration {
  if (row.target === undefined) {
    throw new ToolError('config', { op: `row ${row.id}`, expected: 'a "target" in a demonstration', got: 'none' });
  }
  return {
    ...encodeRow(row, options),
    completionIds: encodeTarget(row.target, options.codec),
    ...(row.isExpertError === true ? { isExpertError: true } : {}),
  };
}

function encodeTarget(text: string, codec: TextCodec): Uint32Array {
  return Uint32Array.from([...codec.encodeCompletion(text), codec.endId]);
}
