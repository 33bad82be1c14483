import { kindOf, type OtherName, type Registration, Registry } from '../../registry.ts';
import { bce } from './bce.ts';
import type { CriticObjective } from './objective.ts';
import { pairwise } from './pairwise.ts';
import { wasserstein } from './wasserstein.ts';

/** The critic's objectives of this package by name. To add one: a file, and a line here. */
export const CRITIC_OBJECTIVES = { bce, pairwise, wasserstein } as const satisfies Record<string, CriticObjective>;

export type CriticLossName = keyof typeof CRITIC_OBJECTIVES | OtherName;

/** All of the critic's objectives: these, and those that were registered. */
export const criticObjectives = new Registry<keyof typeof CRITIC_OBJECTIVES, CriticObjective>(CRITIC_OBJECTIVES, {
  noun: 'critic loss',
  key: 'critic.loss',
  faultOf: objectiveFault,
});

/**
 * Makes a loss of the critic known under a name, for `critic.loss` and for `trainIrl`. Disposing of the result takes it
 * back. Throws ToolError 'config' for a name that is taken.
 */
export function registerCriticLoss(name: string, objective: CriticObjective): Registration {
  return criticObjectives.register(name, objective);
}

function objectiveFault(given: unknown): { readonly expected: string; readonly got: string } | undefined {
  if (typeof given !== 'object' || given === null) {
    return { expected: 'an object {unit, hasBorder, kinds, prepare}', got: kindOf(given) };
  }
  const { unit, hasBorder, kinds, prepare } = given as Partial<CriticObjective>;
  if (unit !== 'mark' && unit !== 'sequence')
    return { expected: 'unit "mark" or "sequence"', got: JSON.stringify(unit) ?? 'nothing' };
  if (typeof hasBorder !== 'boolean') return { expected: 'hasBorder true or false', got: kindOf(hasBorder) };
  const isKinds =
    Array.isArray(kinds) && kinds.length > 0 && kinds.every((kind) => kind === 'plain' || kind === 'shaped');
  if (!isKinds) return { expected: 'kinds of "plain", "shaped" or both', got: JSON.stringify(kinds) ?? 'nothing' };
  return typeof prepare === 'function' ? undefined : { expected: 'a function "prepare"', got: kindOf(prepare) };
}
