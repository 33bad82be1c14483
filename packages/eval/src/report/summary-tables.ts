import type { EvaluationSummary } from '../evaluate-rows.ts';
import type { RankerName } from '../metrics/rerank.ts';
import { formatEstimate, formatPoints, NOT_AVAILABLE } from './format.ts';
import type { ResultRow } from './summarise.ts';
import type { Table } from './table.ts';

/** How each way to choose is named to a reader. */
export const RANKER_LABELS: Readonly<Record<RankerName, string>> = {
  random: 'random (mean)',
  length: 'shortest',
  logprob: 'log-probability',
  majority: 'majority vote',
  weighted: 'reward-weighted vote',
  reward: 'learned reward',
  oracle: 'oracle (any correct)',
};

/** The policies side by side, in per cent with 95 % intervals. */
export function resultTable(results: readonly ResultRow[]): Table {
  const ks = [...new Set(results.flatMap((row) => row.passAtK.map(({ k }) => k)))].sort((a, b) => a - b);
  const first = results[0]?.name ?? '';
  return {
    columns: [
      { header: 'policy', align: 'left' },
      ...ks.map((k) => ({ header: `pass@${k} %`, align: 'right' as const })),
      ...(results.length > 1 ? [{ header: `pass@1 - ${first}`, align: 'right' as const }] : []),
      { header: 'prompts x samples', align: 'right' },
    ],
    rows: results.map((row, i) => [
      row.name,
      ...ks.map((k) => formatEstimate(row.passAtK.find((one) => one.k === k)?.estimate)),
      ...(results.length > 1 ? [i === 0 ? '' : formatEstimate(row.overFirst, formatPoints)] : []),
      `${row.prompts} x ${row.samplesPerPrompt}`,
    ]),
  };
}

/** Best-of-N by each way to choose, in per cent with 95 % intervals over prompts. */
export function bestOfTable(bestOfN: EvaluationSummary['bestOfN']): Table {
  return {
    columns: [
      { header: 'chosen by', align: 'left' },
      ...bestOfN.sizes.map((size) => ({ header: `best of ${size} %`, align: 'right' as const })),
    ],
    rows: bestOfN.rows.map((row) => [
      RANKER_LABELS[row.ranker],
      ...bestOfN.sizes.map((_, i) => (row.estimates === null ? NOT_AVAILABLE : formatEstimate(row.estimates[i]))),
    ]),
  };
}
