import type { Adamw, ParameterGroup } from '@dawngrad/autograd';
import { ToolError } from '@dawngrad/tensor';
import type { IrlCriticOptions } from '../train/irl/irl-options.ts';
import { createOptimizer } from '../train/optim-options.ts';
import type { Critic } from './critic.ts';
import { POTENTIAL } from './shaped-head.ts';

/** Of the reference. */
const POTENTIAL_LR_SCALE = 0.5;
/** All that is not of a head, be it weights or adapters: `ScalarHead` and `ShapedHead` name their parameters so. */
const TRUNK = /^(?!(?:score|reward|potential)\.)/;
const LARGEST_TRUNK_LR_SCALE = 10;

/**
 * The optimiser of a critic, apart from the policy's. A trunk that learns more slowly than its head keeps the features
 * that it was pretrained to (Howard and Ruder, "Universal language model fine-tuning", 2018; Kumar et al., "Fine-tuning can
 * distort pretrained features and underperform out-of-distribution", 2022). Throws ToolError 'config' for a factor out of range.
 */
export function createCriticOptimizer(
  critic: Critic,
  {
    optim,
    potentialLrScale = POTENTIAL_LR_SCALE,
    trunkLrScale = 1,
  }: Pick<IrlCriticOptions, 'optim' | 'potentialLrScale' | 'trunkLrScale'>,
): Adamw {
  checkTrunkLrScale(trunkLrScale);
  const groups: ParameterGroup[] = [];
  if (critic.kind === 'shaped') groups.push({ match: POTENTIAL, lrScale: potentialLrScale });
  if (trunkLrScale !== 1) groups.push({ match: TRUNK, lrScale: trunkLrScale });
  return createOptimizer(critic.parameters(), optim, groups);
}

function checkTrunkLrScale(scale: number): void {
  if (scale > 0 && scale <= LARGEST_TRUNK_LR_SCALE) return;
  throw new ToolError('config', {
    op: 'critic.trunk_lr_scale',
    expected: `more than 0 and at most ${LARGEST_TRUNK_LR_SCALE}`,
    got: String(scale),
    hint: 'for a trunk that hardly moves take a small factor, such as 0.01, or adapters (critic.lora.rank).',
  });
}
