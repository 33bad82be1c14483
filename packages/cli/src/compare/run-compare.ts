import { existsSync, statSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import {
  type BestOfRow,
  compareRuns,
  type EvalRow,
  type EvaluationSummary,
  evaluateRows,
  formatEstimate,
  formatPoints,
  type RunComparison,
  type Table,
} from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { evaluationRowFiles } from '../evaluation/evaluation-folder.ts';
import { fewestSamples } from '../evaluation/fewest-samples.ts';
import { readRowFile } from '../evaluation/given-rows.ts';
import { pValueText } from '../evaluation/p-value-text.ts';
import { fitTable } from '../ui/fit-table.ts';
import { terminalWidth } from '../ui/terminal-width.ts';

export interface CompareOptions {
  readonly bestOf?: number;
  readonly seed: number;
  readonly json?: boolean;
}

/** One evaluation beside the others. */
interface ComparedEvaluation extends RunComparison {
  readonly file: string;
  readonly samplesPerPrompt: EvaluationSummary['samplesPerPrompt'];
  /** Of this many samples. */
  readonly size: number;
  readonly bestOf: readonly BestOfRow[];
  readonly rewardAuroc: EvaluationSummary['separation'][number]['auroc'];
}

interface NamedFile {
  readonly name: string;
  readonly file: string;
}

/** Prints evaluations side by side. */
export async function runCompare(
  places: readonly string[],
  { bestOf, seed, json }: CompareOptions,
  { out, err }: CommandContext,
): Promise<void> {
  const files = distinctNames(places.flatMap(rowFiles));
  if (files.length < 2) {
    throw new ToolError('usage', {
      op: 'compare',
      expected: 'two or more evaluations',
      got: files.length === 0 ? 'none' : `one, ${files[0]!.file}`,
      hint: '`dawngrad analyse` prints the numbers of one.',
    });
  }
  const runs: (NamedFile & { rows: readonly EvalRow[] })[] = [];
  for (const file of files) runs.push({ ...file, rows: (await readRowFile(file.file, { tolerate: false })).rows });
  const compared = compareRuns(runs, { seed });
  const fewest = Math.min(...runs.map(({ rows }) => fewestSamples(rows)));
  if (bestOf !== undefined && bestOf > fewest) {
    throw new ToolError('config', {
      op: '--best-of',
      expected: `at most ${fewest}, the samples that every prompt of every evaluation has`,
      got: `${bestOf}`,
    });
  }
  const size = bestOf ?? fewest;
  const evaluations = runs.map(({ file, rows }, i): ComparedEvaluation => {
    const summary = evaluateRows(rows, { seed, sizes: [size], ks: [1] });
    return {
      ...compared[i]!,
      file,
      samplesPerPrompt: summary.samplesPerPrompt,
      size,
      bestOf: summary.bestOfN.rows,
      rewardAuroc: summary.separation.find(({ signal }) => signal === 'reward')?.auroc ?? null,
    };
  });
  if (json === true) {
    out(`${JSON.stringify(evaluations, null, 2)}\n`);
    return;
  }
  if (new Set(evaluations.map(({ samplesPerPrompt: { min } }) => min)).size > 1)
    err("note: they have different numbers of samples a prompt; pass@1 is the mean over each one's own\n");
  out(`${fitTable(comparisonTable(evaluations), terminalWidth())}\n`);
  out(
    `\n${evaluations[0]!.prompts} prompts; per cent with 95 % intervals over prompts, differences in points, paired\n`,
  );
}

/** Short names where they differ, else paths. */
function distinctNames(files: readonly NamedFile[]): NamedFile[] {
  const isShared = (name: string): boolean => files.filter((one) => one.name === name).length > 1;
  return files.map(({ name, file }) => ({ name: isShared(name) ? file : name, file }));
}

/** The row files of a place, named so that they can be told from each other. */
function rowFiles(place: string): NamedFile[] {
  if (!existsSync(place)) throw new ToolError('config', { op: place, expected: 'an evaluation', got: 'no such path' });
  const name = basename(resolve(place));
  if (statSync(place).isFile()) return [{ name: basename(place, '.jsonl'), file: place }];
  const files = evaluationRowFiles(place);
  if (files.length > 0) {
    return files.map((file) => ({ name: files.length === 1 ? name : `${name}/${basename(file, '.jsonl')}`, file }));
  }
  throw new ToolError('config', {
    op: place,
    expected: 'the folder of an evaluation, or a file of evaluated rows',
    got: 'a folder without evaluated rows',
  });
}

function comparisonTable(evaluations: readonly ComparedEvaluation[]): Table {
  const { size } = evaluations[0]!;
  const right = (header: string): Table['columns'][number] => ({ header, align: 'right' });
  const ranked = (bestOf: readonly BestOfRow[], name: BestOfRow['ranker']): string =>
    formatEstimate(bestOf.find(({ ranker }) => ranker === name)?.estimates?.[0] ?? undefined);
  return {
    columns: [
      { header: 'evaluation', align: 'left' },
      right('pass@1 %'),
      right('less the first'),
      right('p'),
      right(`majority of ${size} %`),
      right(`reward of ${size} %`),
      right('reward AUROC %'),
    ],
    rows: evaluations.map(({ name, passAt1, overFirst, bestOf, rewardAuroc }) => [
      name,
      formatEstimate(passAt1),
      overFirst === null ? '' : formatEstimate(overFirst.difference, formatPoints),
      overFirst === null ? '' : pValueText(overFirst.test.signFlipP),
      ranked(bestOf, 'majority'),
      ranked(bestOf, 'reward'),
      formatEstimate(rewardAuroc ?? undefined),
    ]),
  };
}
