import { ablationTable } from './ablation-table.ts';
import { bestOfNTable, rerankingBaselinesTable, rerankingTable, selectorTable } from './best-of-tables.ts';
import { calibrationTable } from './calibration-table.ts';
import { categoryTable } from './category-table.ts';
import { localisationTable } from './localisation-table.ts';
import { aimeTable, mainTable } from './main-table.ts';
import type { PaperTable } from './paper-table.ts';
import { passAtKTable, rewardWeightedTable } from './pass-at-k-table.ts';
import type { TableInput } from './table-input.ts';
import { transferTable } from './transfer-table.ts';

interface TableKind {
  readonly build: (input: TableInput) => PaperTable;
  /** What it is made of; `seeds` are evaluations put together over their seeds. */
  readonly from: 'evaluations' | 'seeds' | 'localisations';
  readonly about: string;
}

/** Every table of the published study (r-airl.md, section 9). */
export const TABLE_KINDS = {
  main: {
    build: mainTable,
    from: 'seeds',
    about: 'pass@1: methods and variants by domain and model, over seeds',
  },
  'pass-at-k': { build: passAtKTable, from: 'evaluations', about: 'pass@k over k' },
  'reward-weighted': { build: rewardWeightedTable, from: 'evaluations', about: 'reward-weighted pass@k over k' },
  'best-of-n': { build: bestOfNTable, from: 'evaluations', about: 'best of N by the reward, and its gain' },
  reranking: { build: rerankingTable, from: 'evaluations', about: 'one of n samples, by every way to choose' },
  'reranking-baselines': {
    build: rerankingBaselinesTable,
    from: 'evaluations',
    about: 'every way to choose, over N',
  },
  'selector-variants': {
    build: selectorTable,
    from: 'evaluations',
    about: 'best of n by every way to make one score of those of tokens',
  },
  'by-category': { build: categoryTable, from: 'evaluations', about: 'pass@1 and reranking by category' },
  calibration: { build: calibrationTable, from: 'evaluations', about: 'AUROC, ECE and Brier score, raw and scaled' },
  ablation: {
    build: ablationTable,
    from: 'evaluations',
    about: 'pass@1, gain, AUROC and ECE by a label (by): clip range, corruption, group size',
  },
  transfer: {
    build: transferTable,
    from: 'evaluations',
    about: 'gain by domain of policy and reward_domain of critic',
  },
  aime: { build: aimeTable, from: 'seeds', about: 'pass@1 with two decimals, a column a domain' },
  localisation: { build: localisationTable, from: 'localisations', about: 'first error: hits, chance, baselines' },
} as const satisfies Record<string, TableKind>;

export type TableKindName = keyof typeof TABLE_KINDS;

export const TABLE_KIND_NAMES = Object.keys(TABLE_KINDS) as TableKindName[];
