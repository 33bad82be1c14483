import { ToolError } from '@dawngrad/tensor';
import { type EvaluationOptions, passAt1ByPrompt } from './evaluate-rows.ts';
import { type TestedDifference, testedDifference } from './evaluation/best-of-summary.ts';
import type { EvalRow } from './row.ts';
import { type Estimate, estimateMean } from './stats/estimate.ts';
import { drawResamples } from './stats/resample.ts';
import { estimateOverSeeds, type SeedEstimate } from './stats/seeds.ts';

/** The rows of one run, and what it is called. */
export interface NamedRows {
  readonly name: string;
  readonly rows: readonly EvalRow[];
}

/** One run beside the first one, by pass@1. */
export interface RunComparison {
  readonly name: string;
  readonly prompts: number;
  readonly passAt1: Estimate;
  /** Paired over the same prompts; null for the first run. */
  readonly overFirst: TestedDifference | null;
}

/** Runs side by side. Throws ToolError 'config', naming the prompts, where they are not of the same ones. */
export function compareRuns(
  runs: readonly NamedRows[],
  options: Pick<EvaluationOptions, 'resamples' | 'seed'> = {},
): RunComparison[] {
  const { ids, values } = alignedPassAt1(runs);
  const resamples = drawResamples(ids.length, options.resamples, options.seed);
  return runs.map(({ name }, i) => ({
    name,
    prompts: ids.length,
    passAt1: estimateMean(values[i]!, resamples),
    overFirst: i === 0 ? null : testedDifference(ids, values[i]!, values[0]!, resamples),
  }));
}

/** pass@1 over runs that differ in their training seed alone. */
export function passAt1OverSeeds(
  runs: readonly NamedRows[],
  options: Pick<EvaluationOptions, 'resamples' | 'seed'> = {},
): SeedEstimate {
  return estimateOverSeeds(alignedPassAt1(runs).values, options);
}

/** pass@1 [run][prompt], prompts in one order. */
function alignedPassAt1(runs: readonly NamedRows[]): { ids: string[]; values: number[][] } {
  const byRun = runs.map(({ rows }) => passAt1ByPrompt(rows));
  const ids = [...(byRun[0]?.keys() ?? [])];
  byRun.forEach((found, i) => {
    const missing = ids.filter((id) => !found.has(id));
    const extra = [...found.keys()].filter((id) => !byRun[0]!.has(id));
    if (missing.length === 0 && extra.length === 0) return;
    const some = (list: readonly string[]): string =>
      `${list.length}${list.length === 0 ? '' : ` (${list.slice(0, 3).join(', ')}${list.length > 3 ? ', ...' : ''})`}`;
    throw new ToolError('config', {
      op: `${runs[i]!.name} beside ${runs[0]!.name}`,
      expected: 'rows of the same prompts',
      got: `${some(missing)} missing and ${some(extra)} more`,
      hint: 'compare files of one test set; a cut file can be read with --tolerate, and then misses prompts.',
    });
  });
  return { ids, values: byRun.map((found) => ids.map((id) => found.get(id)!)) };
}
