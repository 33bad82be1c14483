import { compareRuns, type NamedRows, passAt1OverSeeds, type RunComparison } from '../compare-runs.ts';
import { type EvaluationOptions, type EvaluationSummary, evaluateRows } from '../evaluate-rows.ts';
import type { SeedEstimate } from '../stats/seeds.ts';

/** Version of evaluation.json; a reader refuses any other. */
export const EVALUATION_SCHEMA = 2;

/** One set of completions with its numbers. */
export interface EvaluationCell {
  /** What tells it from the others: a temperature, a run, a file. */
  readonly name: string;
  /** Sampling temperature; null where it is not known. */
  readonly temperature: number | null;
  /** File of the rows, relative to the folder of evaluation.json where they lie there. */
  readonly rows: string;
  readonly summary: EvaluationSummary;
}

/** What decided the numbers, as far as it is known. */
export interface EvaluationSettings {
  readonly mode: string;
  /** The checker of answers; null where rows bring their verdict and do not say whose. */
  readonly checker: string | null;
  readonly policy: string | null;
  readonly critic: string | null;
  /** Tokens that the critic was read at; null without one. */
  readonly granularity: string | null;
  readonly data: string | null;
  readonly topP: number | null;
  readonly seed: number | null;
}

/**
 * All numbers of an evaluation: tables, figures and reports are pure functions of it. A number is null where it could
 * not be computed, never replaced by another one.
 */
export interface EvaluationFile {
  readonly schema: typeof EVALUATION_SCHEMA;
  readonly settings: EvaluationSettings;
  readonly cells: readonly EvaluationCell[];
  /** The cells by pass@1, paired with the first; null with one cell, or where they are not of the same prompts. */
  readonly comparison: readonly RunComparison[] | null;
  /** Over cells that are runs of several training seeds; null where they are not. */
  readonly seeds: SeedEstimate | null;
  /** What was left out, taken otherwise than it stood, or does not fit; one sentence each. */
  readonly notes: readonly string[];
}

export interface EvaluationSource extends NamedRows {
  readonly temperature: number | null;
  /** As in the cell. */
  readonly file: string;
}

export interface EvaluationFileOptions extends EvaluationOptions {
  readonly settings: EvaluationSettings;
  readonly notes: readonly string[];
  /** The sources differ in their training seed alone. Throws where they are of different prompts. */
  readonly areSeeds?: boolean;
}

/** The numbers of one or more sets of completions. */
export function evaluationFile(
  sources: readonly EvaluationSource[],
  { settings, notes, areSeeds = false, ...options }: EvaluationFileOptions,
): EvaluationFile {
  const cells = sources.map(({ name, temperature, file, rows }) => ({
    name,
    temperature,
    rows: file,
    summary: evaluateRows(rows, options),
  }));
  const ids = sources.map(({ rows }) => new Set(rows.map((row) => row.prompt_id)));
  const samePrompts = ids.every((set) => set.size === ids[0]!.size && [...set].every((id) => ids[0]!.has(id)));
  const isCompared = sources.length > 1 && samePrompts;
  return {
    schema: EVALUATION_SCHEMA,
    settings,
    cells,
    comparison: isCompared ? compareRuns(sources, options) : null,
    seeds: areSeeds ? passAt1OverSeeds(sources, options) : null,
    notes:
      sources.length > 1 && !samePrompts && !areSeeds
        ? [...notes, `not compared with each other, since they are of different prompts: ${promptCounts(sources, ids)}`]
        : notes,
  };
}

function promptCounts(sources: readonly EvaluationSource[], ids: readonly ReadonlySet<string>[]): string {
  return sources.map(({ name }, i) => `${name} has ${ids[i]!.size}`).join(', ');
}
