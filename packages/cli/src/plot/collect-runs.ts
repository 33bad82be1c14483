import { checkDistinct, type EvalRow, inLabelOrder, type PlotRun, type RunLabels } from '@dawngrad/eval';
import { ToolError } from '@dawngrad/tensor';
import { findRunPaths, type MissingPath } from './find-run-paths.ts';
import { ADJUSTED_NOTE } from './format-adjusted.ts';
import type { PlotSpec } from './plot-spec.ts';
import type { PairSource } from './read-pairs.ts';
import {
  type ReadEvaluation,
  type ReadLocalisation,
  type ReadRun,
  type ReadTraining,
  readPlotRun,
  readRowsOf,
} from './read-plot-run.ts';

/** Runs that are read together: reading waits for the disk, and files of rows take much memory. */
const CONCURRENCY = 2;

export interface CollectedRuns {
  readonly evaluations: readonly ReadEvaluation[];
  readonly localisations: readonly ReadLocalisation[];
  readonly trainings: readonly ReadTraining[];
  /** Localisations with scored pairs. */
  readonly pairs: readonly PairSource[];
  /** The rows of an evaluation, read again when they are asked for. */
  readonly rowsOf: (run: PlotRun) => Promise<readonly EvalRow[]>;
  /** What every table and figure says of these runs. */
  readonly remarks: readonly string[];
  readonly missing: readonly string[];
  readonly failed: readonly string[];
  readonly notes: readonly string[];
}

/** The runs of a specification in the order of their labels, and what is missing or cannot be read. */
export async function collectRuns(spec: PlotSpec, base: string): Promise<CollectedRuns> {
  const entries = spec.runs.map((run) => findRunPaths(run, base));
  const notes: string[] = [];
  const failed: string[] = [];
  const options = { statistics: spec.statistics, base, note: (text: string): void => void notes.push(text) };
  // Sorted first, so that neither the order of entries nor that of reading shows.
  const paths = entries.flatMap(({ found }) => found).sort((a, b) => (a.path < b.path ? -1 : 1));
  const read = await eachOf(paths, CONCURRENCY, async (found): Promise<ReadRun[]> => {
    try {
      return await readPlotRun(found, options);
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      failed.push(error.message);
      return [];
    }
  });
  const runs = inLabelOrder(read.flat(), spec.order);
  const evaluations = runs.filter((run) => run.kind === 'evaluation');
  checkDistinct(evaluations);
  const localisations = runs.filter((run) => run.kind === 'localisation');
  return {
    evaluations,
    localisations,
    trainings: runs.filter((run) => run.kind === 'training'),
    pairs: localisations.flatMap(({ labels, source, details }) =>
      details === undefined ? [] : [{ labels, source, details }],
    ),
    rowsOf: (run) => readRowsOf(evaluations.find((one) => one.source === run.source)!.rowFile, options),
    remarks: spec.statistics.format_adjusted ? [ADJUSTED_NOTE] : [],
    missing: entries.flatMap(({ missing }) => missing.map(missingText)).sort(),
    failed: failed.sort(),
    notes: notes.sort(),
  };
}

function missingText({ pattern, labels }: MissingPath): string {
  const text = labelText(labels);
  return text === '' ? pattern : `${pattern} (${text})`;
}

/** "model qwen7b, seed 1". */
function labelText(labels: RunLabels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name} ${value}`)
    .join(', ');
}

/** The results of work on each item, in the order of the items, so many at a time. */
export async function eachOf<A, B>(items: readonly A[], workers: number, work: (item: A) => Promise<B>): Promise<B[]> {
  const results = new Array<B>(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const i = next++;
      results[i] = await work(items[i]!);
    }
  };
  await Promise.all(Array.from({ length: Math.min(workers, items.length) }, worker));
  return results;
}
