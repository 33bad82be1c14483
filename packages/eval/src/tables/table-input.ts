import { ToolError } from '@dawngrad/tensor';
import { NOT_AVAILABLE } from '../report/format.ts';
import type { LocalisationRun } from './localisation-table.ts';
import type { PaperColumn } from './paper-table.ts';
import type { PlotRun, SeedGroup } from './plot-run.ts';

/** What a table is made of. */
export interface TableInput {
  /** At least one where the table is about evaluations; in the order of their rows. */
  readonly runs: readonly PlotRun[];
  /** The same runs, with those that differ in their seed alone together. */
  readonly groups: readonly SeedGroup[];
  readonly localisations: readonly LocalisationRun[];
  /** N of tables that have one; the largest of all runs unless given. */
  readonly n?: number;
  /** The label that an ablation is about. */
  readonly by?: string;
}

export function left(header: string): PaperColumn {
  return { header, align: 'left' };
}

export function right(header: string): PaperColumn {
  return { header, align: 'right' };
}

/** Name of what is the same for all rows, in front of a title's subject. */
export function titleOf(subject: string, common: string): string {
  return common === '' ? subject : `${subject}: ${common}`;
}

/** The N of a table, which every run must have. */
export function sizeOf({ runs, n }: TableInput, table: string): number {
  const shared = runs
    .map(({ summary }) => summary.bestOfN.sizes)
    .reduce((a, b) => a.filter((size) => b.includes(size)));
  const size = n ?? Math.max(...shared);
  if (shared.includes(size)) return size;
  throw new ToolError('config', {
    op: `${table}, n`,
    expected: `an N that all of its runs have: ${shared.join(', ')}`,
    got: String(size),
    hint: 'statistics.best_of lists the N that are computed; none can be above the samples of a prompt.',
  });
}

/** Names of ways to choose, as tables have them. */
export const RANKER_TITLES = {
  random: 'Random',
  length: 'Shortest',
  logprob: 'Log-probability',
  majority: 'Majority',
  weighted: 'Weighted majority',
  reward: 'Reward',
  oracle: 'Oracle',
} as const;

/** Why numbers are missing, a note for each reason. */
export function missingNotes(reasons: readonly (string | null)[]): string[] {
  const found = [...new Set(reasons.filter((reason) => reason !== null))];
  return found.length === 0 ? [] : [`${NOT_AVAILABLE}: ${found.join('; ')}.`];
}
