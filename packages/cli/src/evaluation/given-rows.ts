import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { CHECKERS, type CheckerName, type Example, foldedPrompt } from '@dawngrad/airl';
import { collectRows, type EvalRow, groupByPrompt, isCorrect, type RowCollection } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import { exampleOfMessages } from './prompt-messages.ts';

/** A prompt with its given completions, by ascending generation_idx. */
export interface GivenPrompt {
  readonly example: Example;
  readonly rows: readonly EvalRow[];
}

/** Reads a file of rows, ours or of the reference. */
export async function readRowFile(path: string, options: { readonly tolerate: boolean }): Promise<RowCollection> {
  const stream = createReadStream(path, 'utf8');
  const lines = createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY });
  // Without this an unreadable file would end the process instead of the read.
  const failed = new Promise<never>((_, reject) => {
    stream.once('error', (cause: NodeJS.ErrnoException) => {
      const got = cause.code === 'ENOENT' ? 'no such file' : (cause.code ?? cause.message);
      reject(new ToolError('config', { op: path, expected: 'a readable file of rows', got, cause }));
    });
  });
  return Promise.race([collectRows(lines, path, options), failed]);
}

/** What a reader of a file of rows should know, a sentence each. */
export function collectionNotes(
  { skipped, incompletePrompts, repeatedPrompts, ignoredFields }: RowCollection,
  file: string,
): string[] {
  const some = (items: readonly string[]): string =>
    `${items.slice(0, 3).join(', ')}${items.length > 3 ? ', ...' : ''}`;
  return [
    ...(skipped.length === 0
      ? []
      : [
          `${file}: ${skipped.length} ${skipped.length === 1 ? 'line' : 'lines'} left out, the first: ${skipped[0]!.reason.replaceAll('\n', ' ')}`,
        ]),
    ...(incompletePrompts.length === 0
      ? []
      : [
          `${file}: ${incompletePrompts.length} prompts without all of their rows left out (${some(incompletePrompts)})`,
        ]),
    ...(repeatedPrompts.length === 0
      ? []
      : [`${file}: ${repeatedPrompts.length} prompts occur more than once; their rows count as samples of one prompt`]),
    ...(ignoredFields.length === 0 ? [] : [`${file}: fields without a meaning here: ${some(ignoredFields)}`]),
  ];
}

export interface JoinOptions {
  readonly tolerate: boolean;
  /** Of rows that do not name theirs. */
  readonly checker: CheckerName;
}

export interface JoinedRows {
  /** In the order of the data, or of prompt ids without data. */
  readonly prompts: readonly GivenPrompt[];
  readonly notes: readonly string[];
}

/**
 * Brings rows and data together: by prompt id, or by the question where rows have only that, never by position (D28);
 * all are checked. Without data the rows' own messages are the prompts. A verdict is never changed: where the checker
 * says otherwise now, that is noted. Throws ToolError 'config' where the prompts are not the same, or the gold answers.
 */
export function joinWithData(
  rows: readonly EvalRow[],
  examples: readonly Example[] | undefined,
  { tolerate, checker }: JoinOptions,
): JoinedRows {
  const groups = groupByPrompt(rows);
  if (examples === undefined) {
    const prompts = groups.map(({ promptId, rows: own }) => ({
      example: exampleOfMessages(promptId, own[0]!.prompt, own[0]!.gold),
      rows: own,
    }));
    return { prompts, notes: [] };
  }
  const find = exampleFinder(examples);
  const found = new Map<string, GivenPrompt>();
  const unknown: string[] = [];
  for (const { promptId, rows: own } of groups) {
    const example = find(own[0]!);
    if (example === undefined) unknown.push(promptId);
    else found.set(example.id, { example, rows: own.map((row) => completed(row, example)) });
  }
  const missing = examples.filter(({ id }) => !found.has(id)).map(({ id }) => id);
  const notes: string[] = [];
  if (unknown.length > 0 || missing.length > 0) {
    const some = (ids: readonly string[]): string =>
      `${ids.length}${ids.length === 0 ? '' : ` (${ids.slice(0, 3).join(', ')}${ids.length > 3 ? ', ...' : ''})`}`;
    const got = `${some(missing)} without rows, and ${some(unknown)} in the rows alone`;
    if (!tolerate || found.size === 0) {
      throw new ToolError('config', {
        op: 'joining rows and data',
        expected: `rows of the ${examples.length} prompts of the data`,
        got,
        hint: 'name the same data.path, data.split and data.max_rows as when they were sampled; --tolerate takes what both have.',
      });
    }
    notes.push(`prompts left out: ${got}`);
  }
  const prompts = examples.flatMap(({ id }) => found.get(id) ?? []);
  const changed = prompts.flatMap(({ example, rows: own }) =>
    own.filter((row) => saysOtherwise(row, example, checker)),
  );
  if (changed.length > 0) {
    notes.push(
      `${changed.length} recorded verdicts are not what the checker says (first: prompt ${changed[0]!.prompt_id} sample ${changed[0]!.generation_idx}); the recorded ones are kept`,
    );
  }
  return { prompts, notes };
}

/** The row with what only the data knows. */
function completed(row: EvalRow, example: Example): EvalRow {
  if (row.gold !== null && row.gold !== example.answer) {
    throw new ToolError('config', {
      op: `prompt ${example.id}`,
      expected: `the gold answer of the rows, ${JSON.stringify(row.gold)}`,
      got: JSON.stringify(example.answer),
    });
  }
  return {
    ...row,
    prompt_id: example.id,
    gold: example.answer,
    ...(example.category === undefined ? {} : { category: example.category }),
  };
}

function saysOtherwise(row: EvalRow, { answer, options }: Example, fallback: CheckerName): boolean {
  const name = row.checker ?? fallback;
  if (!Object.hasOwn(CHECKERS, name)) return false;
  const { outcome } = CHECKERS[name as CheckerName](row.generation.content, answer, options);
  return (outcome === 'correct') !== isCorrect(row);
}

function exampleFinder(examples: readonly Example[]): (row: EvalRow) => Example | undefined {
  const byId = new Map(examples.map((example) => [example.id, example]));
  const byText = new Map(
    examples.flatMap((example) => [example.prompt, foldedPrompt(example)].map((text) => [normalised(text), example])),
  );
  const endings = examples.map((example): [string, Example] => [` ${normalised(example.prompt)}`, example]);
  return (row) => {
    const named = byId.get(row.prompt_id);
    if (named !== undefined) return named;
    const user = row.prompt.findLast(({ role }) => role === 'user');
    if (user === undefined) return undefined;
    const text = normalised(user.content);
    // The reference folds its own instruction into the question for some models.
    return byText.get(text) ?? endings.find(([ending]) => text.endsWith(ending))?.[1];
  };
}

function normalised(text: string): string {
  return text.replace(/\s+/g, ' ').trim();
}
