import type { LongerMeasure } from '../seed-measures.ts';
import { localiseMeasures, wrongTraces } from './localise-measures.ts';
import { aurocOfSamples, type RankedSamples, rerankSamples, rightShares } from './rerank-samples.ts';
import type { ScoredSet } from './scored-set.ts';
import type { SampleLine } from './trace-line.ts';

/** How a policy does on problems with so many rules. */
export function longerPolicy(
  steps: number,
  name: string,
  samples: readonly SampleLine[],
  problems: number,
): LongerMeasure[] {
  const perProblem = rightShares(samples, problems);
  const wellFormed = samples.filter((sample) => sample.wellFormed).length / samples.length;
  return [
    { steps, name, kind: 'pass@1', value: mean(perProblem), perProblem },
    { steps, name, kind: 'well-formed', value: wellFormed },
  ];
}

/** How scorers do on written traces of problems with so many rules: what they learned of shorter ones, carried over. */
export function longerScorers(
  steps: number,
  writer: ScoredSet,
  ranked: RankedSamples,
  thresholds: ReadonlyMap<string, number>,
): LongerMeasure[] {
  const perProblem = Math.max(...writer.traces.map(({ g }) => g)) + 1;
  return [
    ...rerankSamples(ranked, [perProblem]).map(
      (row): LongerMeasure => ({
        steps,
        name: row.selector,
        kind: 'rerank',
        value: mean(row.perProblem),
        perProblem: row.perProblem,
      }),
    ),
    ...aurocOfSamples(ranked).map(
      ({ scorer, value }): LongerMeasure => ({ steps, name: scorer, kind: 'auroc', value }),
    ),
    ...localiseMeasures('natural', writer, wrongTraces(writer), thresholds).map(
      ({ localiser, hits, n }): LongerMeasure => ({ steps, name: localiser, kind: 'first error', value: hits / n }),
    ),
  ];
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
