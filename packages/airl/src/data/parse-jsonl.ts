import type { ToolError } from '@dawngrad/tensor';
import { type DataRow, type RowOrFault, rowError } from './data-row.ts';

/** The longest line that is read, in UTF-16 units; the file reader bounds the bytes. */
const MAX_LINE_CHARS = 4 * 1024 * 1024;

/**
 * The rows of a JSONL file, one object a line. A byte-order mark and blank lines are passed over; any
 * other line is a bad row, and the lines after it are read all the same.
 *
 * @param lines the lines without their line ends
 * @param file the name for messages
 */
export function* parseJsonl(lines: Iterable<string>, file: string): Generator<RowOrFault> {
  let number = 0;
  for (const line of lines) {
    number++;
    const place = { file, number };
    if (line.length > MAX_LINE_CHARS) {
      const fault = rowError(place, `a line of at most ${MAX_LINE_CHARS} characters`, `${line.length}`);
      yield { ...place, fault };
      continue;
    }
    const json = (number === 1 && line.startsWith('\uFEFF') ? line.slice(1) : line).trim();
    if (json !== '') yield parseObject(json, place);
  }
}

/** The rows of a JSON file that is one list of objects. */
export function parseJsonList(value: unknown, file: string): RowOrFault[] {
  if (!Array.isArray(value)) {
    const place = { file, number: 1 };
    return [{ ...place, fault: rowError(place, 'a list of rows', describe(value)) }];
  }
  return value.map((item, i) => rowOf(item, { file, number: i + 1 }));
}

function parseObject(json: string, place: Pick<DataRow, 'file' | 'number'>): RowOrFault {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    return { ...place, fault: rowError(place, 'a JSON object', `malformed JSON (${(cause as Error).message})`, cause) };
  }
  return rowOf(value, place);
}

function rowOf(value: unknown, place: Pick<DataRow, 'file' | 'number'>): RowOrFault {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { ...place, fault: rowError(place, 'a JSON object', describe(value)) };
  }
  return { ...place, fields: value as Record<string, unknown> };
}

function describe(value: unknown): string {
  return Array.isArray(value) ? 'an array' : (JSON.stringify(value)?.slice(0, 40) ?? 'nothing');
}

export function isBadRow(
  row: RowOrFault,
): row is { readonly file: string; readonly number: number; readonly fault: ToolError } {
  return 'fault' in row;
}
