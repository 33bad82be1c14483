import type { AdvantageEstimator } from './estimator.ts';
import { groupEstimator } from './group.ts';

/**
 * Dr. GRPO: A = v - mean of the group, without a standard deviation, which would weigh easy and hard prompts
 * more than others. Its loss divides by a constant: normalisation `constant`. Source: Liu et al. 2025,
 * arXiv 2503.20783, section 3.
 */
export const drGrpoEstimator: AdvantageEstimator = (input) => groupEstimator({ ...input, scale: 'none' });
