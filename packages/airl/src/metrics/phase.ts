/** The parts of a step, in the order of R-AIRL, and what may follow a step. */
export const PHASES = ['rollout', 'critic', 'reward', 'update', 'eval', 'save'] as const;

/**
 * `rollout` draws samples, `critic` updates the critic, `reward` scores the samples, `update` moves the policy (with
 * the reference's pass), `eval` measures dev accuracy, `save` writes a checkpoint.
 */
export type Phase = (typeof PHASES)[number];
