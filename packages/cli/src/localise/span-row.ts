import type { DataRow } from '@dawngrad/airl';
import { isJsonObject } from '@dawngrad/models';
import { ToolError } from '@dawngrad/tensor';

/** A completion with the characters [start, end) of its first error marked. */
export interface SpanRow {
  readonly prompt: string;
  readonly completion: string;
  readonly start: number;
  readonly end: number;
  /** The completion without the error, where the row has one. */
  readonly clean?: string;
  readonly stratum: string;
}

/**
 * A row `{prompt, completion, error: {start, end} or [start, end], clean?, source?}`; places count
 * UTF-16 units, the end is past the span. Throws ToolError 'config'.
 */
export function spanRow(row: DataRow): SpanRow {
  const { prompt, completion, error, clean, source } = row.fields;
  const textOf = (name: string, value: unknown): string => {
    if (typeof value === 'string' && value.trim() !== '') return value;
    throw fault(row, `a text in "${name}"`, value);
  };
  const whole = textOf('completion', completion);
  const [start, end] = Array.isArray(error) ? error : isJsonObject(error) ? [error.start, error.end] : [];
  if (!Number.isInteger(start) || !Number.isInteger(end) || start < 0 || end <= start || end > whole.length) {
    throw fault(row, `"error" as {start, end} with 0 <= start < end <= ${whole.length}`, error);
  }
  return {
    prompt: textOf('prompt', prompt),
    completion: whole,
    start,
    end,
    ...(clean === undefined || clean === null ? {} : { clean: textOf('clean', clean) }),
    stratum: typeof source === 'string' ? source : 'all',
  };
}

function fault(row: DataRow, expected: string, got: unknown): ToolError {
  const text = JSON.stringify(got) ?? 'nothing';
  return new ToolError('config', {
    op: `${row.file}:${row.number}`,
    expected,
    got: text.length > 60 ? `${text.slice(0, 60)}...` : text,
  });
}
