import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { EVALUATION_SCHEMA, type EvaluationFile } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';

/** The numbers of an evaluation, in its run directory. */
export const EVALUATION = 'evaluation.json';

/** The numbers of an evaluation's folder; undefined where it has none (yet). Throws ToolError 'config' or 'corrupt'. */
export function readEvaluation(folder: string): EvaluationFile | undefined {
  const path = join(folder, EVALUATION);
  if (!existsSync(path)) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ToolError('corrupt', { op: path, expected: 'JSON', got: (cause as Error).message, cause });
  }
  const schema = typeof value === 'object' && value !== null && 'schema' in value ? value.schema : undefined;
  if (schema !== EVALUATION_SCHEMA) {
    throw new ToolError('config', { op: path, expected: `schema ${EVALUATION_SCHEMA}`, got: String(schema) });
  }
  return value as EvaluationFile;
}

/** The files of rows in an evaluation's folder; while it is not done, those that have its default names. */
export function evaluationRowFiles(folder: string): string[] {
  const done = readEvaluation(folder)?.cells.map(({ rows }) => rows);
  if (done !== undefined) return done.map((name) => join(folder, name));
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(folder)
    .filter((name) => /^eval_results.*\.jsonl$/.test(name))
    .sort()
    .map((name) => join(folder, name));
}
