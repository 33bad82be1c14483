import { FORMAT_REWARDS, referenceTagCount } from '@dawngrad/airl';
import type { Candidate } from '../metrics/rerank.ts';
import type { EvalRow } from '../row.ts';
import { averageRanks, pearson, spearman } from '../stats/correlation.ts';
import { type Estimate, estimateStatistic } from '../stats/estimate.ts';
import type { Resamples } from '../stats/resample.ts';
import { type WelchTest, welchTest } from '../stats/welch.ts';

/** Whether completions of one kind have another mean reward than the others. */
export interface RewardDifference {
  readonly kind: 'correct' | 'strict format';
  readonly completions: { readonly of: number; readonly others: number };
  /** Null for a kind without completions. */
  readonly mean: { readonly of: number | null; readonly others: number | null };
  /** Mean of the kind less that of the others, with its interval over prompts; null where a side is empty. */
  readonly difference: Estimate | null;
  /** As published: every completion counts as independent, so p is too small where prompts differ. */
  readonly welch: WelchTest | null;
  /** Pearson's correlation of the reward with being of the kind; null where either is constant. */
  readonly pointBiserial: number | null;
  /** The same of ranks, ties averaged. */
  readonly spearman: number | null;
}

/** Correlations between what is known of a completion; null where a column is constant. */
export interface CorrelationMatrix {
  readonly names: readonly string[];
  readonly completions: number;
  readonly pearson: readonly (readonly (number | null)[])[];
  readonly spearman: readonly (readonly (number | null)[])[];
}

interface JudgedRow {
  readonly row: EvalRow;
  readonly candidate: Candidate;
  readonly prompt: number;
}

/** The columns of the published matrix, and what a critic must beat: length and log-probability. */
const COLUMNS: Readonly<Record<string, (one: JudgedRow) => number | null>> = {
  reward: ({ candidate }) => candidate.reward,
  'tag count': ({ row }) => row.xmlcount_reward_func ?? referenceTagCount(row.generation.content),
  'strict format': (one) => Number(isStrict(one)),
  correct: ({ candidate }) => Number(candidate.correct),
  length: ({ candidate }) => candidate.length,
  'log-probability': ({ candidate }) => candidate.logprob,
};

/** Completions with a finite reward only; null without such. */
export function rewardDifferences(rows: readonly JudgedRow[], resamples: Resamples): RewardDifference[] | null {
  const scored = rows.filter(({ candidate }) => Number.isFinite(candidate.reward));
  if (scored.length === 0) return null;
  return [
    rewardDifference('correct', scored, ({ candidate }) => candidate.correct, resamples),
    rewardDifference('strict format', scored, isStrict, resamples),
  ];
}

function rewardDifference(
  kind: RewardDifference['kind'],
  scored: readonly JudgedRow[],
  isOfKind: (one: JudgedRow) => boolean,
  resamples: Resamples,
): RewardDifference {
  const flags = scored.map((one) => Number(isOfKind(one)));
  const rewards = scored.map(({ candidate }) => candidate.reward as number);
  const of = rewards.filter((_, i) => flags[i] === 1);
  const others = rewards.filter((_, i) => flags[i] === 0);
  /** [prompt, kind]: how many completions, and their sum of rewards. */
  const counts = new Float64Array(2 * resamples.clusters);
  const sums = new Float64Array(2 * resamples.clusters);
  scored.forEach(({ prompt }, i) => {
    counts[2 * prompt + flags[i]!]! += 1;
    sums[2 * prompt + flags[i]!]! += rewards[i]!;
  });
  const difference = (weights: ArrayLike<number>): number => {
    const [n, s] = [
      [0, 0],
      [0, 0],
    ] as [[number, number], [number, number]];
    for (let prompt = 0; prompt < resamples.clusters; prompt++) {
      for (const side of [0, 1] as const) {
        n[side] += weights[prompt]! * counts[2 * prompt + side]!;
        s[side] += weights[prompt]! * sums[2 * prompt + side]!;
      }
    }
    return s[1] / n[1] - s[0] / n[0];
  };
  return {
    kind,
    completions: { of: of.length, others: others.length },
    mean: { of: meanOf(of), others: meanOf(others) },
    difference: of.length === 0 || others.length === 0 ? null : estimateStatistic(difference, resamples),
    welch: welchTest(of, others),
    pointBiserial: finiteOrNull(pearson(rewards, flags)),
    spearman: finiteOrNull(spearman(rewards, flags)),
  };
}

/** Over completions that have a finite number in every column; a column that some have no number in is left out. */
export function correlationMatrix(rows: readonly JudgedRow[]): CorrelationMatrix {
  const names = Object.keys(COLUMNS).filter((name) => rows.every((one) => COLUMNS[name]!(one) !== null));
  const table = rows
    .map((one) => names.map((name) => COLUMNS[name]!(one) as number))
    .filter((values) => values.every(Number.isFinite));
  const columns = names.map((_, c) => Float64Array.from(table, (values) => values[c]!));
  const matrix = (of: readonly Float64Array[]): (number | null)[][] =>
    of.map((a) => of.map((b) => finiteOrNull(pearson(a, b))));
  // Spearman's correlation is Pearson's of the ranks.
  return {
    names,
    completions: table.length,
    pearson: matrix(columns),
    spearman: matrix(columns.map(averageRanks)),
  };
}

function isStrict({ row }: JudgedRow): boolean {
  return FORMAT_REWARDS.strict_format(row.generation.content) > 0;
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, v) => sum + v, 0) / values.length;
}

function finiteOrNull(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}
