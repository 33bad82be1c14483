import { affine, cast, clamp, greater, less, multiply, withoutObservers } from '@dawngrad/tensor';
import type { PolicySurrogate } from './surrogate.ts';

/**
 * CISPO: L = -sg[clip(rho, 1 - low, 1 + high)] A log pi. The weight of a token is bounded, and no token loses
 * its gradient. (The paper leaves the lower bound out: clip_low = 1.) Source: MiniMax 2025, arXiv 2506.13585,
 * eqs. 4 and 5.
 */
export const cispoSurrogate: PolicySurrogate = ({ logp, ratio, advantage, mask }, { clip }) => {
  const { weight, low, high } = withoutObservers(() => ({
    weight: multiply(clamp(ratio, 1 - clip.low, 1 + clip.high), advantage),
    low: cast(less(ratio, 1 - clip.low), 'f32'),
    high: cast(greater(ratio, 1 + clip.high), 'f32'),
  }));
  return { perToken: affine(multiply(weight, multiply(logp, mask)), -1, 0), bounded: { low, high } };
};
