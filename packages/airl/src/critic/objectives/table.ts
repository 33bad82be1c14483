import { bce } from './bce.ts';
import type { CriticObjective } from './objective.ts';
import { pairwise } from './pairwise.ts';
import { wasserstein } from './wasserstein.ts';

/** The critic's objectives by name. To add one: a file, and a line here. */
export const CRITIC_OBJECTIVES = { bce, pairwise, wasserstein } as const satisfies Record<string, CriticObjective>;

export type CriticLossName = keyof typeof CRITIC_OBJECTIVES;
