import { readLines } from '@dawngrad/airl/node';
import { type ChatMessage, isJsonObject, type JsonObject, type OpenModel } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';
import { encodeChat, encodeText } from './chat-prompt.ts';
import { checkIds } from './context-length.ts';

/** A prompt with the place that messages name it by. */
export interface PromptRow {
  readonly ids: readonly number[];
  /** File and line, or what the option is called. */
  readonly op: string;
}

export interface PromptOptions {
  /** Text goes through the model's chat template, as the user's message. */
  readonly chat: boolean;
  /** The system message of a chat. */
  readonly system: string | undefined;
  readonly date: string;
}

/** The ids of a prompt that is text. */
export function textPrompt(source: OpenModel, text: string, options: PromptOptions, op: string): PromptRow {
  const { chat, system, date } = options;
  const user: ChatMessage = { role: 'user', content: text };
  const messages = system === undefined ? [user] : [{ role: 'system', content: system }, user];
  return { ids: chat ? encodeChat(source, messages, date) : encodeText(source, text, op), op };
}

/** The ids of a prompt that are given as they are. Throws ToolError 'config' for ids that the model does not know. */
export function idsPrompt({ config }: OpenModel, ids: readonly number[], op: string): PromptRow {
  if (ids.length === 0) throw new ToolError('config', { op, expected: 'at least one id', got: 'none' });
  checkIds(config, ids, op);
  return { ids, op };
}

/** The objects of a JSONL file with the places of their lines; blank lines are none. Throws ToolError 'config'. */
export function* jsonRows(path: string): Generator<{ readonly row: JsonObject; readonly op: string }> {
  let line = 0;
  let rows = 0;
  for (const text of readLines(path)) {
    line++;
    if (text.trim() === '') continue;
    rows++;
    yield { row: parseRow(text, `${path}:${line}`), op: `${path}:${line}` };
  }
  if (rows === 0) throw new ToolError('config', { op: path, expected: 'at least one row', got: 'an empty file' });
}

/** The prompts of a file: rows with `prompt`, `messages` or `ids`. Throws ToolError 'config' with file and line. */
export function promptRows(source: OpenModel, path: string, options: PromptOptions): PromptRow[] {
  return Array.from(jsonRows(path), ({ row, op }) => {
    if (row.ids !== undefined) return idsPrompt(source, idsOf(row.ids, op), op);
    if (row.messages !== undefined) return { ids: encodeChat(source, messagesOf(row.messages, op), options.date), op };
    if (typeof row.prompt === 'string') return textPrompt(source, row.prompt, options, op);
    throw fieldFault(row, 'a text "prompt", or "messages", or "ids"', op);
  });
}

/** Checks a list of ids in a row. */
export function idsOf(value: unknown, op: string): number[] {
  if (Array.isArray(value) && value.every((id) => Number.isSafeInteger(id))) return value as number[];
  throw new ToolError('config', { op, expected: '"ids" as a list of integers', got: shortJson(value) });
}

/** The error of a row without the fields that it needs. */
export function fieldFault(row: JsonObject, expected: string, op: string): ToolError {
  return new ToolError('config', { op, expected, got: `fields ${Object.keys(row).join(', ') || 'none'}` });
}

function messagesOf(value: unknown, op: string): ChatMessage[] {
  const isMessage = (item: unknown): item is JsonObject =>
    isJsonObject(item) && typeof item.role === 'string' && typeof item.content === 'string';
  if (Array.isArray(value) && value.length > 0 && value.every(isMessage)) {
    return value.map(({ role, content }) => ({ role: role as string, content: content as string }));
  }
  throw new ToolError('config', { op, expected: '"messages" of texts "role" and "content"', got: shortJson(value) });
}

function parseRow(text: string, op: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    throw new ToolError('config', { op, expected: 'a JSON object', got: 'malformed JSON', cause });
  }
  if (isJsonObject(value)) return value;
  throw new ToolError('config', { op, expected: 'a JSON object', got: Array.isArray(value) ? 'a list' : typeof value });
}

function shortJson(value: unknown): string {
  const text = JSON.stringify(value) ?? 'nothing';
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}
