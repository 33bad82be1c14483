import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readLines } from '@dawngrad/airl/node';
import { collectRows, type ReportCompletions, type ReportSummary, selectScore } from '@dawngrad/eval';
import { readPointer } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { DemoSummary } from '../demo/demo-report.ts';
import { completionsOfRows, findTokenizer } from './read-completions.ts';

const SUMMARY = 'summary.json';

/** What a finished demo wrote of its numbers; null while it runs, and for one of another version. */
export function readDemoSummary(path: string): DemoSummary | null {
  const file = join(path, SUMMARY);
  if (!existsSync(file)) return null;
  try {
    const value = JSON.parse(readFileSync(file, 'utf8')) as Partial<DemoSummary>;
    return value.schema === 2 ? (value as DemoSummary) : null;
  } catch (cause) {
    throw new ToolError('corrupt', { op: file, expected: 'JSON', got: 'other text', cause });
  }
}

/** The completions of the demo's policies, those of its best known ones first. */
export async function demoCompletions(path: string, { results }: ReportSummary): Promise<ReportCompletions[]> {
  const found = await findTokenizer(await demoModels(path));
  const sets: ReportCompletions[] = [];
  for (const { name } of [...results].reverse()) {
    const file = join(path, `rows-${name.toLowerCase()}.jsonl`);
    if (!existsSync(file)) continue;
    const { rows } = await collectRows(readLines(file), file, { tolerate: true });
    sets.push(
      completionsOfRows(name, rows, found, ({ reward_model_score: scores }) =>
        scores === null ? null : selectScore('mean', scores),
      ),
    );
  }
  return sets;
}

/** Where the demo's tokenizer lies: in the checkpoint of each of its stages. */
export async function demoModels(path: string): Promise<string[]> {
  const stages = ['base', 'sft', 'grpo', 'r-airl'].map((stage) => join(path, 'models', stage));
  const pointers = await Promise.all(stages.map((stage) => readPointer(stage, 'latest')));
  return stages.flatMap((stage, i) => (pointers[i] === undefined ? [] : [join(stage, pointers[i])]));
}
