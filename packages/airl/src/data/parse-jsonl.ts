import { ToolError } from '@dawngrad/tensor';

/** The longest line that is read, in UTF-16 units; the file reader bounds the bytes. */
const MAX_LINE_CHARS = 4 * 1024 * 1024;

/** One row of a JSONL file with the place it came from. */
export interface JsonlRow {
  /** 1-based. */
  readonly line: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/**
 * The rows of a JSONL file. A byte-order mark and blank lines are passed over; anything else that is
 * not a JSON object is an error that names the file and the line.
 *
 * @param lines the lines without their line ends
 * @param file the name for error messages
 */
export function* parseJsonl(lines: Iterable<string>, file: string): Generator<JsonlRow> {
  let line = 0;
  let rows = 0;
  for (const text of lines) {
    line++;
    if (text.length > MAX_LINE_CHARS) {
      throw rowError(file, line, `a line of at most ${MAX_LINE_CHARS} characters`, `${text.length}`);
    }
    const json = (line === 1 && text.startsWith('\uFEFF') ? text.slice(1) : text).trim();
    if (json === '') continue;
    rows++;
    yield { line, fields: parseObject(json, file, line) };
  }
  if (rows === 0) throw new ToolError('config', { op: file, expected: 'at least one row', got: 'an empty file' });
}

function parseObject(json: string, file: string, line: number): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw rowError(file, line, 'a JSON object', `malformed JSON (${(cause as Error).message})`, cause);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw rowError(file, line, 'a JSON object', Array.isArray(value) ? 'an array' : JSON.stringify(value).slice(0, 40));
  }
  return value as Record<string, unknown>;
}

/** The text of a field that must be there and must not be blank. A number is taken as its text. */
export function requiredText(row: JsonlRow, name: string, file: string): string {
  const text = optionalText(row, name, file);
  if (text === undefined) {
    const present = Object.keys(row.fields).slice(0, 8).join(', ');
    throw rowError(file, row.line, `a field "${name}"`, present === '' ? 'no fields' : `fields ${present}`);
  }
  return text;
}

/** The text of a field that may be absent or null; where it is there, it must not be blank. */
export function optionalText(row: JsonlRow, name: string, file: string): string | undefined {
  const value = Object.hasOwn(row.fields, name) ? row.fields[name] : undefined;
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return String(value);
  if (typeof value !== 'string') throw rowError(file, row.line, `text in "${name}"`, typeof value);
  if (value.trim() === '') throw rowError(file, row.line, `text in "${name}"`, 'an empty text');
  return value;
}

/** The error for one row of a file. */
export function rowError(file: string, line: number, expected: string, got: string, cause?: unknown): ToolError {
  return new ToolError('config', { op: `${file}:${line}`, expected, got, cause });
}
