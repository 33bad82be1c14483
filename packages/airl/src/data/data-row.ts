import { ToolError } from '@dawngrad/tensor';

/** One row of a file of rows, with the place it came from. */
export interface DataRow {
  /** The file's name for messages and ids. */
  readonly file: string;
  /** The line of a text file, the row of a table, the entry of a list; 1-based. */
  readonly number: number;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A row that cannot be read; the rows after it can. */
export interface BadRow {
  readonly file: string;
  readonly number: number;
  readonly fault: ToolError;
}

export type RowOrFault = DataRow | BadRow;

/** The error for one row of a file: its message begins with file and number. */
export function rowError(
  row: Pick<DataRow, 'file' | 'number'>,
  expected: string,
  got: string,
  cause?: unknown,
): ToolError {
  return new ToolError('config', { op: `${row.file}:${row.number}`, expected, got, cause });
}

/** The text of a field that must be there and must not be blank. A number is taken as its text. */
export function requiredText(row: DataRow, name: string): string {
  const text = optionalText(row, name);
  if (text === undefined) throw missingField(row, name);
  return text;
}

/** The text of the first of several fields that is there; at least one must be. */
export function requiredTextOf(row: DataRow, ...names: readonly string[]): string {
  for (const name of names) {
    const text = optionalText(row, name);
    if (text !== undefined) return text;
  }
  throw missingField(row, names.join('" or "'));
}

/** The text of a field that may be absent or null; where it is there, it must not be blank. */
export function optionalText(row: DataRow, name: string): string | undefined {
  const value = fieldOf(row, name);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (typeof value !== 'string') throw rowError(row, `text in "${name}"`, typeof value);
  if (value.trim() === '') throw rowError(row, `text in "${name}"`, 'an empty text');
  return value;
}

/** A list of texts, none blank; undefined where the field is absent, null or an empty list. */
export function optionalTexts(row: DataRow, name: string): string[] | undefined {
  const value = fieldOf(row, name);
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value)) throw rowError(row, `a list of texts in "${name}"`, typeof value);
  const bad = value.findIndex((item) => typeof item !== 'string' || item.trim() === '');
  if (bad >= 0) throw rowError(row, `a text in entry ${bad + 1} of "${name}"`, JSON.stringify(value[bad]) ?? 'nothing');
  return value.length === 0 ? undefined : (value as string[]);
}

/** The value of a field of the row's own; names on the prototype are no fields. */
export function fieldOf(row: DataRow, name: string): unknown {
  return Object.hasOwn(row.fields, name) ? row.fields[name] : undefined;
}

function missingField(row: DataRow, name: string): ToolError {
  const present = Object.keys(row.fields).slice(0, 8).join(', ');
  return rowError(row, `a field "${name}"`, present === '' ? 'no fields' : `fields ${present}`);
}
