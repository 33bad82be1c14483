import type { CollectedRuns } from './collect-runs.ts';
import type { PlotSpec } from './plot-spec.ts';

/** Version of numbers.json. */
const SCHEMA = 1;

/** Every number behind the tables and figures: they are functions of it, and of rows where they show completions. */
export function numbersFile(spec: PlotSpec, { evaluations, localisations, trainings, missing }: CollectedRuns): string {
  const numbers = {
    schema: SCHEMA,
    title: spec.title ?? null,
    statistics: spec.statistics,
    evaluations: evaluations.map(({ labels, source, summary }) => ({ labels, source, summary })),
    localisations: localisations.map(({ labels, source, summary }) => ({ labels, source, summary })),
    trainings: trainings.map(({ labels, source }) => ({ labels, source })),
    missing,
  };
  return `${JSON.stringify(numbers, null, 2)}\n`;
}
