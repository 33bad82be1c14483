import { readFile } from 'node:fs/promises';
import { ToolError } from '@dawngrad/tensor';
import { type Row, SUITES } from './row.ts';

const TEXTS = ['suite', 'name', 'library', 'adapter', 'driver', 'commit'] as const;
const FIGURES = [
  'median_ms',
  'min_ms',
  'p95_ms',
  'gflops',
  'gbps',
  'ceiling_share',
  'dispatches',
  'submits',
  'new_buffers',
  'peak_bytes',
] as const;

/** Reads what `--json` wrote. Throws ToolError 'usage' for a file that is not there and 'corrupt' for another one. */
export async function readRows(file: string): Promise<Row[]> {
  const content = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new ToolError('usage', { op: 'readme-table', expected: 'a file that --json wrote', got: file, cause });
  });
  const corrupt = (got: string, cause?: unknown): ToolError =>
    new ToolError('corrupt', { op: file, expected: 'an array of rows of the bench', got, cause });
  let values: unknown;
  try {
    values = JSON.parse(content);
  } catch (error) {
    throw corrupt('no JSON', error);
  }
  if (!Array.isArray(values)) throw corrupt(typeof values);
  values.forEach((value: unknown, i) => {
    const wrong = wrongKey(value);
    if (wrong !== undefined) throw corrupt(`row ${i} without a proper ${wrong}`);
  });
  return values as Row[];
}

/** The first key of a row that is missing or of another type. */
export function wrongKey(value: unknown): string | undefined {
  if (value === null || typeof value !== 'object') return 'object';
  const row = value as Record<string, unknown>;
  if (!SUITES.some((suite) => suite === row.suite)) return 'suite';
  return (
    TEXTS.find((key) => typeof row[key] !== 'string') ??
    FIGURES.find((key) => row[key] !== null && typeof row[key] !== 'number') ??
    (['params', 'details'] as const).find((key) => row[key] === null || typeof row[key] !== 'object')
  );
}
