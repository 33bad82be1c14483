import type { ReportCompletions } from './completion-blocks.ts';
import type { Plot } from './page-data.ts';
import type { StageMetrics } from './stages.ts';
import type { ReportSummary } from './summarise.ts';
import type { Table } from './table.ts';

/** A folder that the report is of. */
export interface ReportRun {
  readonly name: string;
  /** What the run does, for instance "train irl". */
  readonly kind: string;
  readonly state: string;
  /** What a reader must know to run it again: command, seed, model, data, adapter, commit. */
  readonly facts: readonly (readonly [name: string, value: string])[];
  /** Where an answer checker took part in the run; empty where it took no part, null where that is not known. */
  readonly checkerUse: readonly string[] | null;
  /** Every field of the configuration as text; null without one. */
  readonly config: string | null;
  /** The environment of each start as text; null without one. */
  readonly environment: string | null;
}

/** A part of the report beside those that every report has. */
export interface ReportSection {
  readonly title: string;
  readonly paragraphs: readonly string[];
  readonly tables: readonly { readonly caption: string; readonly table: Table }[];
  /** Charts that the page's script draws; they stand before the tables. */
  readonly plots?: readonly { readonly caption: string; readonly plot: Plot }[];
}

/** In what two runs differ. */
export interface ReportDifference {
  readonly runs: readonly [string, string];
  /** What was compared and what was found, in sentences. */
  readonly paragraphs: readonly string[];
  readonly tables: readonly { readonly caption: string; readonly table: Table }[];
}

/** All that a page shows. A part that is missing is told of in `missing`, with the reason. */
export interface ReportInput {
  readonly title: string;
  /** The result in a few sentences; by default made of the summary. */
  readonly lede?: string;
  readonly runs: readonly ReportRun[];
  readonly summary: ReportSummary;
  readonly stages: readonly StageMetrics[];
  readonly sections: readonly ReportSection[];
  readonly difference: ReportDifference | null;
  readonly completions: readonly ReportCompletions[];
  /** Why a part is not there, by its heading. */
  readonly missing: Readonly<Partial<Record<MissingPart, string>>>;
  /** Parts that a report of this kind does not have, so that their absence is not told of. */
  readonly without?: readonly MissingPart[];
  /** Remarks, a sentence each. */
  readonly notes: readonly string[];
}

export type MissingPart =
  | 'results'
  | 'rerank'
  | 'calibration'
  | 'curves'
  | 'localisation'
  | 'completions'
  | 'difference';
