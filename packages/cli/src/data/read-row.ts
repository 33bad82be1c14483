import type { DatasetName } from '@dawngrad/airl';
import { readLines } from '@dawngrad/airl/node';
import { type ChatMessage, chatTrainingIds, type TrainedTurns } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import { type CodecModel, modelCodec, TEMPLATE_DATE } from '../run/model-codec.ts';
import { readExamples } from '../run/read-examples.ts';
import { type ShownRow, showRow } from './shown-row.ts';

export interface RowChoice {
  /** A file of rows, or whatever `data.path` may be. */
  readonly path: string;
  /** Default: found out from the row's fields. */
  readonly format?: DatasetName;
  /** 1-based; of a data set the rows that it leaves out do not count. */
  readonly row: number;
  /** Which turns of a conversation are trained. */
  readonly turns: TrainedTurns;
}

/** Fields of rows that belong to no data set. */
interface PlainRow {
  readonly messages?: unknown;
  readonly tools?: unknown;
  readonly prompt?: unknown;
  readonly completion?: unknown;
}

const LINE_CAP = 4 << 20;

/**
 * One row of a file as the model would be trained on it. Besides the rows of data sets it takes `{messages, tools?}`, a
 * conversation, and `{prompt, completion}`.
 *
 * @throws ToolError `config` for a row that is not there or not of its format, with file and row
 */
export async function readRow(model: CodecModel, choice: RowChoice): Promise<ShownRow> {
  const { path, format, row } = choice;
  const plain = format === undefined ? plainRow(path, row) : undefined;
  if (plain?.messages !== undefined) return conversation(model, plain, choice);
  const codec = modelCodec(model);
  const name = `${path}:${row}`;
  const split = (prompt: readonly number[], completion: readonly number[]): ShownRow =>
    showRow(model.tokenizer, {
      name,
      ids: [...prompt, ...completion],
      trained: [...prompt.map(() => false), ...completion.map(() => true)],
      by: 'completion',
    });
  if (plain?.completion !== undefined) {
    const prompt = textField(name, 'prompt', plain.prompt);
    const completion = textField(name, 'completion', plain.completion);
    return split(codec.encodePrompt(prompt), [...codec.encodeCompletion(completion), codec.endId]);
  }
  const rows = { format: format ?? 'jsonl', path, max_rows: null, split: null, bad_rows: 'error' } as const;
  const { examples } = await readExamples(rows, 'train');
  const example = examples[row - 1];
  if (example === undefined) throw noRow(path, row, examples.length);
  const { system, prompt, target } = example;
  const promptIds =
    system === undefined || codec.encodeSystemPrompt === undefined
      ? codec.encodePrompt(system === undefined ? prompt : `${system}\n\n${prompt}`)
      : codec.encodeSystemPrompt(system, prompt);
  const completionIds = target === undefined ? [] : [...codec.encodeCompletion(target), codec.endId];
  return { ...split(promptIds, completionIds), name: example.id };
}

function conversation({ tokenizer }: CodecModel, plain: PlainRow, { path, row, turns }: RowChoice): ShownRow {
  const name = `${path}:${row}`;
  const { messages, tools } = plain;
  if (!Array.isArray(messages) || !messages.every(isMessage)) {
    throw rowError(name, 'messages as a list of {role, content}', 'another form');
  }
  if (tools !== undefined && tools !== null && !Array.isArray(tools)) {
    throw rowError(name, 'tools as a list', typeof tools);
  }
  const ids = chatTrainingIds(tokenizer, {
    messages,
    turns,
    dateString: TEMPLATE_DATE,
    ...(Array.isArray(tools) && tools.length > 0 ? { tools: tools as unknown[] } : {}),
  });
  return showRow(tokenizer, { ...ids, name });
}

function isMessage(value: unknown): value is ChatMessage {
  if (typeof value !== 'object' || value === null) return false;
  const { role, content } = value as Record<string, unknown>;
  return typeof role === 'string' && (typeof content === 'string' || content === null || content === undefined);
}

/** The row of a JSONL file whose rows are conversations or pairs; undefined for any other file. */
function plainRow(path: string, row: number): PlainRow | undefined {
  if (!/\.(jsonl|ndjson)$/i.test(path)) return undefined;
  let count = 0;
  for (const line of readLines(path)) {
    if (line.trim() === '') continue;
    count++;
    const fields = line.length > LINE_CAP ? undefined : parseFields(line);
    const isPlain = fields !== undefined && (Object.hasOwn(fields, 'messages') || Object.hasOwn(fields, 'completion'));
    // The first row says what the file is.
    if (!isPlain && count === 1) return undefined;
    if (!isPlain && count === row)
      throw rowError(`${path}:${row}`, 'messages or a completion, as row 1 has', 'neither');
    if (count === row) return fields;
  }
  if (count === 0) return undefined;
  throw noRow(path, row, count);
}

function parseFields(line: string): PlainRow | undefined {
  try {
    const value: unknown = JSON.parse(line.replace(/^\ufeff/, ''));
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function textField(name: string, field: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw rowError(name, `text in "${field}"`, value === undefined ? 'nothing' : typeof value);
}

function noRow(path: string, row: number, count: number): ToolError {
  return new ToolError('config', { op: path, expected: `a row ${row}`, got: `${count} rows` });
}

function rowError(op: string, expected: string, got: string): ToolError {
  return new ToolError('config', { op, expected, got });
}
