import type { IrlOptions } from '@dawngrad/airl';
import type { Config } from './schema.ts';

/** The settings of the critic's loss as the trainer wants them. */
export function objectiveOptions({
  pairwise,
  penalty_weight,
  penalty_pairs,
  shaping,
}: Config<'irl'>['critic']): NonNullable<IrlOptions['critic']['objective']> {
  return {
    margin: pairwise.margin,
    negativesPerPrompt: pairwise.negatives_per_prompt,
    penaltyWeight: penalty_weight,
    ...(penalty_pairs === null ? {} : { penaltyPairs: penalty_pairs }),
    potentialPenalty: shaping.h_l2,
    shapePenalty: shaping.shape_l2,
  };
}
