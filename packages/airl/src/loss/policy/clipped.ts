import {
  add,
  affine,
  cast,
  clamp,
  greater,
  less,
  minimum,
  multiply,
  type Tensor,
  withoutObservers,
} from '@dawngrad/tensor';
import type { PolicySurrogate, Surrogate, SurrogateOptions } from './surrogate.ts';

/**
 * PPO's objective with token ratios, as in GRPO and DAPO (whose clip.high is above clip.low):
 * L = -min(rho A, clip(rho, 1 - low, 1 + high) A). With a delta, rho A is min(rho, delta) A, which bounds the
 * loss of negative advantages (dual clip). Sources: Schulman et al. 2017, arXiv 1707.06347, eq. 7; Ye et al.
 * 2019, arXiv 1912.09729, eq. 5; Yu et al. 2025, arXiv 2503.14476, section 3.1; trl's `delta`.
 */
export const clippedSurrogate: PolicySurrogate = ({ ratio, advantage }, options) =>
  clippedObjective(ratio, advantage, options);

/** The clipped objective of any ratio. */
export function clippedObjective(ratio: Tensor, advantage: Tensor, { clip, delta }: SurrogateOptions): Surrogate {
  const held = delta === undefined ? ratio : clamp(ratio, 0, delta);
  const free = multiply(held, advantage);
  const clipped = multiply(clamp(ratio, 1 - clip.low, 1 + clip.high), advantage);
  const perToken = affine(minimum(free, clipped), -1, 0);
  return withoutObservers(() => {
    // Flat exactly where the clipped side is the smaller one: below for A < 0, above for A > 0.
    const flat = cast(less(clipped, free), 'f32');
    const negative = cast(less(advantage, 0), 'f32');
    const gaining = multiply(flat, cast(greater(advantage, 0), 'f32'));
    const high = delta === undefined ? gaining : add(gaining, multiply(negative, cast(greater(ratio, delta), 'f32')));
    return { perToken, bounded: { low: multiply(flat, negative), high } };
  });
}
