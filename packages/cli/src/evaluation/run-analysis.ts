import { existsSync } from 'node:fs';
import { basename, dirname, relative, resolve } from 'node:path';
import {
  BEST_OF_RULES,
  BEST_OF_SIZES,
  type EvalRow,
  type EvaluationSource,
  evaluationFile,
  formatReferenceRow,
  joinRows,
  type RowCollection,
  SELECTOR_NAMES,
} from '@dawngrad/eval';
import { writeFileAtomically } from '@dawngrad/models/node';
import { ToolError } from '@dawngrad/tensor';
import type { CommandContext } from '../commands/command-context.ts';
import { nearest } from '../config/nearest.ts';
import { evaluationText } from './evaluation-text.ts';
import { fewestSamples } from './fewest-samples.ts';
import { collectionNotes, readRowFile } from './given-rows.ts';

export interface AnalysisOptions {
  readonly seeds?: boolean;
  readonly join?: string;
  readonly calibration?: string;
  readonly selector: string;
  readonly rule: string;
  readonly ks?: readonly number[];
  readonly bestOf?: readonly number[];
  readonly resamples: number;
  readonly seed: number;
  readonly tolerate?: boolean;
  readonly json?: boolean;
  readonly output?: string;
  readonly writeReference?: string;
}

/** `dawngrad analyse`: the numbers of files of rows, ours or of the reference, without a device. */
export async function runAnalysis(
  files: readonly string[],
  options: AnalysisOptions,
  context: CommandContext,
): Promise<void> {
  const { tolerate = false, output } = options;
  for (const target of [output, options.writeReference]) {
    if (target !== undefined && existsSync(target)) {
      throw new ToolError('config', { op: target, expected: 'a new file', got: 'one that is there already' });
    }
  }
  if (files.length > 1 && (options.join ?? options.writeReference) !== undefined) {
    throw new ToolError('usage', {
      op: '--join, --write-reference',
      expected: 'one file of rows',
      got: `${files.length}`,
    });
  }
  const selector = named('--selector', options.selector, SELECTOR_NAMES);
  const rule = named('--rule', options.rule, BEST_OF_RULES);
  const notes: string[] = [];
  const read = async (path: string): Promise<RowCollection> => {
    const found = await readRowFile(path, { tolerate });
    notes.push(...collectionNotes(found, path));
    return found;
  };
  const names = shortNames(files);
  const sources: EvaluationSource[] = [];
  for (const [i, path] of files.entries()) {
    const { rows } = await read(path);
    const joined = options.join === undefined ? rows : withScores(rows, (await read(options.join)).rows);
    const file = output === undefined ? path : relative(dirname(resolve(output)), resolve(path));
    sources.push({ name: names[i]!, temperature: null, file, rows: joined });
  }
  const all = sources.flatMap(({ rows }) => rows);
  checkSizes(sources, options);
  const checkers = new Set(all.map((row) => row.checker));
  const result = evaluationFile(sources, {
    selector,
    rule,
    resamples: options.resamples,
    seed: options.seed,
    sizes: options.bestOf ?? [
      ...new Set([...BEST_OF_SIZES, Math.min(...sources.map(({ rows }) => fewestSamples(rows)))]),
    ],
    ...(options.ks === undefined ? {} : { ks: options.ks }),
    ...(options.calibration === undefined ? {} : { calibrationRows: (await read(options.calibration)).rows }),
    areSeeds: options.seeds === true,
    settings: {
      mode: 'analyse',
      checker: checkers.size === 1 ? (all[0]!.checker ?? null) : null,
      policy: null,
      critic: null,
      granularity: null,
      data: null,
      topP: null,
      seed: options.seed,
    },
    notes,
  });
  const json = `${JSON.stringify(result, null, 2)}\n`;
  if (output !== undefined) await writeFileAtomically(output, new TextEncoder().encode(json));
  if (options.writeReference !== undefined) {
    const lines = sources[0]!.rows.map((row) => `${formatReferenceRow(row)}\n`).join('');
    await writeFileAtomically(options.writeReference, new TextEncoder().encode(lines));
  }
  context.out(options.json === true ? json : evaluationText(result));
}

function named<Name extends string>(option: string, text: string, names: readonly Name[]): Name {
  const found = names.find((name) => name === text);
  if (found !== undefined) return found;
  const meant = nearest(text, names);
  throw new ToolError('usage', {
    op: option,
    expected: `one of ${names.join(', ')}`,
    got: text,
    ...(meant === undefined ? {} : { hint: `did you mean ${meant}?` }),
  });
}

/** Rows with the scores and log-probabilities that only another file of the same completions has. */
function withScores(rows: readonly EvalRow[], others: readonly EvalRow[]): EvalRow[] {
  return joinRows(rows, others).map(([row, other]) => ({
    ...row,
    reward_model_score: row.reward_model_score ?? other.reward_model_score,
    policy_log_probs: row.policy_log_probs ?? other.policy_log_probs,
  }));
}

function checkSizes(sources: readonly EvaluationSource[], { ks = [], bestOf = [] }: AnalysisOptions): void {
  for (const source of sources) {
    const fewest = fewestSamples(source.rows);
    for (const [name, values] of [
      ['--ks', ks],
      ['--best-of', bestOf],
    ] as const) {
      const tooLarge = values.filter((k) => k > fewest);
      if (tooLarge.length === 0) continue;
      throw new ToolError('config', {
        op: name,
        expected: `at most ${fewest}, the samples of a prompt in ${source.name}`,
        got: tooLarge.join(', '),
      });
    }
  }
}

/** File names, with the folder before them where they would be the same. */
function shortNames(files: readonly string[]): string[] {
  const names = files.map((file) => basename(file));
  return files.map((file, i) =>
    names.indexOf(names[i]!) === names.lastIndexOf(names[i]!)
      ? names[i]!
      : `${basename(dirname(resolve(file)))}/${names[i]}`,
  );
}
