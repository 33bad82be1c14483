import type { Adamw } from '@dawngrad/autograd';
import { createOptimizer, type OptimOptions } from '../train/optim-options.ts';
import type { Critic } from './critic.ts';
import { POTENTIAL } from './shaped-head.ts';

/** Of the reference. */
const POTENTIAL_LR_SCALE = 0.5;

/**
 * The optimiser of a critic, apart from the policy's.
 *
 * @param potentialLrScale factor of the learning rate of a shaped critic's potential; 0.5 unless said
 */
export function createCriticOptimizer(
  critic: Critic,
  options: OptimOptions,
  potentialLrScale: number = POTENTIAL_LR_SCALE,
): Adamw {
  const groups = critic.kind === 'shaped' ? [{ match: POTENTIAL, lrScale: potentialLrScale }] : [];
  return createOptimizer(critic.parameters(), options, groups);
}
