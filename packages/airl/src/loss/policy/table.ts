import { cispoSurrogate } from './cispo.ts';
import { clippedSurrogate } from './clipped.ts';
import { gspoSurrogate } from './gspo.ts';
import { reinforceSurrogate } from './reinforce.ts';
import type { PolicySurrogate } from './surrogate.ts';

/** The objectives of the policy. To add one: a file beside these, and a line here. */
export const POLICY_LOSSES = {
  clipped: clippedSurrogate,
  gspo: gspoSurrogate,
  cispo: cispoSurrogate,
  reinforce: reinforceSurrogate,
} as const satisfies Record<string, PolicySurrogate>;

export type PolicyLossName = keyof typeof POLICY_LOSSES;
