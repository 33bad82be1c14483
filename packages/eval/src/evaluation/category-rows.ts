import type { PromptGroup } from '../prompt-group.ts';
import { type Estimate, estimateMean, pairedDifference } from '../stats/estimate.ts';
import { drawResamples, type Resamples } from '../stats/resample.ts';
import type { BestOfAccuracies } from './best-of-summary.ts';

/** The prompts of one category of the data set; best-of-N is at the largest N. */
export interface CategoryRow {
  /** Null for prompts without one. */
  readonly category: string | null;
  readonly prompts: number;
  readonly passAt1: Estimate;
  /** Null without critic scores. */
  readonly byReward: Estimate | null;
  readonly byMajority: Estimate;
  readonly rewardOverRandom: Estimate | null;
}

/** A row a category, from the rows' own metadata (D33); none where there are not at least two. */
export function categoryRows(
  groups: readonly PromptGroup[],
  accuracies: BestOfAccuracies,
  { count, seed }: Resamples,
): CategoryRow[] {
  const members = new Map<string | null, number[]>();
  groups.forEach((group, i) => {
    const category = group.rows[0]?.category ?? null;
    members.set(category, [...(members.get(category) ?? []), i]);
  });
  if (members.size < 2) return [];
  const last = (ranker: 'random' | 'majority' | 'reward'): readonly number[] | null => {
    const found = accuracies.get(ranker);
    return typeof found === 'string' ? null : (found?.at(-1) ?? null);
  };
  const [random, majority, reward] = [last('random')!, last('majority')!, last('reward')];
  return [...members]
    .sort(([a], [b]) => (a === null ? 1 : b === null ? -1 : a < b ? -1 : 1))
    .map(([category, prompts]) => {
      const resamples = drawResamples(prompts.length, count, seed);
      const of = (values: readonly number[]): number[] => prompts.map((i) => values[i]!);
      const byId = (values: readonly number[]): Map<string, number> =>
        new Map(prompts.map((i, at) => [groups[i]!.promptId, values[at]!]));
      return {
        category,
        prompts: prompts.length,
        passAt1: estimateMean(of(random), resamples),
        byReward: reward === null ? null : estimateMean(of(reward), resamples),
        byMajority: estimateMean(of(majority), resamples),
        rewardOverRandom: reward === null ? null : pairedDifference(byId(of(reward)), byId(of(random)), resamples),
      };
    });
}
