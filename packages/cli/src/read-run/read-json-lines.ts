import { existsSync } from 'node:fs';
import { readLines } from '@dawngrad/airl/node';
import { ToolError } from '@dawngrad/tensor';

export interface JsonLines {
  readonly rows: readonly Record<string, unknown>[];
  /** Whether the last line stops in its middle, as that of a process which was killed or is still writing. */
  readonly isCut: boolean;
}

/**
 * The objects of a file of JSON lines that a run wrote; none where there is no such file. A last line that is not JSON
 * is left out and told of; any other such line throws ToolError 'corrupt' with its number.
 */
export function readJsonLines(path: string): JsonLines {
  if (!existsSync(path)) return { rows: [], isCut: false };
  const rows: Record<string, unknown>[] = [];
  let fault: { readonly line: number; readonly cause: unknown } | undefined;
  let line = 0;
  for (const text of readLines(path)) {
    line++;
    if (fault !== undefined) break;
    if (text.trim() === '') continue;
    try {
      const value: unknown = JSON.parse(text);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new TypeError('not an object');
      rows.push(value as Record<string, unknown>);
    } catch (cause) {
      fault = { line, cause };
    }
  }
  if (fault !== undefined && fault.line < line) {
    const { cause } = fault;
    throw new ToolError('corrupt', {
      op: `${path}:${fault.line}`,
      expected: 'a JSON object',
      got: 'other text',
      cause,
    });
  }
  return { rows, isCut: fault !== undefined };
}
