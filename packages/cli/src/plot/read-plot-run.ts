import { existsSync, readFileSync, statSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import {
  type EvalRow,
  type EvaluationSummary,
  evaluateRows,
  type LocalisationRun,
  type LocalisationSummary,
  type PlotRun,
  type RunLabels,
} from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import { evaluationRowFiles, readEvaluation } from '../evaluation/evaluation-folder.ts';
import { collectionNotes, readRowFile } from '../evaluation/given-rows.ts';
import { isRunFolder } from '../read-run/run-folder.ts';
import type { FoundPath } from './find-run-paths.ts';
import { formatAdjusted } from './format-adjusted.ts';
import type { PlotSpec } from './plot-spec.ts';

const SUMMARY = 'summary.json';
const DETAILS = 'pair_details.jsonl';

/** An evaluation that tables and figures can be made of. */
export interface ReadEvaluation extends PlotRun {
  readonly kind: 'evaluation';
  readonly rowFile: string;
  readonly tokenizer?: string;
}

export interface ReadLocalisation extends LocalisationRun {
  readonly kind: 'localisation';
  /** Scored pairs; absent for labelled errors. */
  readonly details?: string;
}

export interface ReadTraining {
  readonly kind: 'training';
  readonly labels: RunLabels;
  readonly source: string;
  readonly folder: string;
}

export type ReadRun = ReadEvaluation | ReadLocalisation | ReadTraining;

export interface ReadOptions {
  readonly statistics: PlotSpec['statistics'];
  /** For names of sources. */
  readonly base: string;
  readonly note: (text: string) => void;
}

/** What is at a path: rows, a localisation or a training run, with its numbers. Throws ToolError where it is none. */
export async function readPlotRun(found: FoundPath, options: ReadOptions): Promise<ReadRun[]> {
  const { path, labels } = found;
  const source = (relative(options.base, path) || path).split(sep).join('/');
  if (statSync(path).isFile()) return [await readEvaluationFile(found, path, source, undefined, options)];
  const rowFiles = evaluationRowFiles(path);
  if (rowFiles.length > 0) return readFolder(found, source, rowFiles, options);
  if (existsSync(join(path, SUMMARY))) return [readLocalisation(path, labels, source)];
  if (isRunFolder(path)) return [{ kind: 'training', labels, source, folder: path }];
  throw new ToolError('config', {
    op: path,
    expected: 'rows of an evaluation, a folder of dawngrad evaluate or localise, or the folder of a training run',
    got: 'a folder without any',
  });
}

/** The rows of an evaluation. */
export async function readRowsOf(rowFile: string, { statistics }: ReadOptions): Promise<readonly EvalRow[]> {
  const { rows } = await readRowFile(rowFile, { tolerate: statistics.tolerate });
  return statistics.format_adjusted ? formatAdjusted(rows, rowFile) : rows;
}

async function readFolder(
  found: FoundPath,
  source: string,
  rowFiles: readonly string[],
  options: ReadOptions,
): Promise<ReadRun[]> {
  const cells = readEvaluation(found.path)?.cells;
  const runs: ReadRun[] = [];
  for (const [i, file] of rowFiles.entries()) {
    const cell = cells?.[i];
    // Several cells of a folder are told apart by what the evaluation varied.
    const own =
      rowFiles.length === 1 ? {} : { temperature: String(cell?.temperature ?? file.slice(found.path.length + 1)) };
    const labelled = { ...found, labels: { ...own, ...found.labels } };
    const name = rowFiles.length === 1 ? source : `${source}${file.slice(found.path.length).split(sep).join('/')}`;
    runs.push(await readEvaluationFile(labelled, file, name, cell?.summary, options));
  }
  return runs;
}

async function readEvaluationFile(
  { labels, calibration, tokenizer }: FoundPath,
  rowFile: string,
  source: string,
  done: EvaluationSummary | undefined,
  options: ReadOptions,
): Promise<ReadEvaluation> {
  const { statistics, note } = options;
  const run = {
    kind: 'evaluation',
    labels,
    source,
    rowFile,
    ...(tokenizer === undefined ? {} : { tokenizer }),
  } as const;
  if (done !== undefined && calibration === undefined && !statistics.format_adjusted && isAsAsked(done, statistics)) {
    return { ...run, summary: done };
  }
  const read = async (path: string): Promise<readonly EvalRow[]> => {
    const collection = await readRowFile(path, { tolerate: statistics.tolerate });
    for (const text of collectionNotes(collection, path)) note(text);
    return statistics.format_adjusted ? formatAdjusted(collection.rows, path) : collection.rows;
  };
  const { selector, rule, ks, best_of: sizes, resamples, seed } = statistics;
  const rows = await read(rowFile);
  const summary = evaluateRows(rows, {
    ...{ selector, rule, resamples, seed },
    ...(ks === undefined ? {} : { ks }),
    ...(sizes === undefined ? {} : { sizes }),
    ...(calibration === undefined ? {} : { calibrationRows: await read(calibration) }),
  });
  return { ...run, summary };
}

/** Whether numbers that `evaluate` wrote are those that this spec asks for. */
function isAsAsked(
  summary: EvaluationSummary,
  { selector, rule, ks, best_of, resamples, seed }: PlotSpec['statistics'],
) {
  const { bootstrap, bestOfN, passAtK } = summary;
  return (
    summary.selector === selector &&
    bestOfN.rule === rule &&
    bootstrap.resamples === resamples &&
    bootstrap.seed === seed &&
    (best_of === undefined || String(bestOfN.sizes) === String(best_of)) &&
    (ks === undefined || String(passAtK.map(({ k }) => k)) === String(ks))
  );
}

function readLocalisation(folder: string, labels: RunLabels, source: string): ReadLocalisation {
  const path = join(folder, SUMMARY);
  let summary: unknown;
  try {
    summary = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new ToolError('corrupt', { op: path, expected: 'JSON', got: (cause as Error).message, cause });
  }
  if (!isLocalisation(summary)) {
    throw new ToolError('config', { op: path, expected: 'the summary of dawngrad localise, schema 1', got: 'another' });
  }
  const details = join(folder, DETAILS);
  return { kind: 'localisation', labels, source, summary, ...(existsSync(details) ? { details } : {}) };
}

const LOCALISATION_KINDS = ['controlled', 'spans', 'steps', 'annotations'];

function isLocalisation(value: unknown): value is LocalisationSummary {
  if (typeof value !== 'object' || value === null || !('schema' in value) || !('kind' in value)) return false;
  return value.schema === 1 && LOCALISATION_KINDS.includes(String(value.kind));
}
