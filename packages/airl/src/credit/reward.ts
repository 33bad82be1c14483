import { backfill } from '../segment/marks.ts';

export interface RewardOptions {
  /** The critic's temperature, by which logits are divided. */
  readonly temperature: number;
  /** Bounds of the reward, or null for none. */
  readonly clip: readonly [number, number] | null;
}

/**
 * The reward of each of T tokens (form `f`): the critic's logit at the next mark, divided by the
 * temperature, clipped. r_t = clip(f[mark(t)] / temperature).
 *
 * @param markLogits the critic's logits, one a mark
 * @param marks ascending, the last one T - 1
 */
export function tokenRewards(
  markLogits: ArrayLike<number>,
  marks: ArrayLike<number>,
  options: RewardOptions,
): Float32Array {
  const { temperature, clip } = options;
  const shaped = Array.from(markLogits, (logit) => {
    const value = logit / temperature;
    return clip === null ? value : Math.min(Math.max(value, clip[0]), clip[1]);
  });
  return backfill(shaped, marks);
}

/** The reward of a whole completion: the mean of its token rewards (the reference's `average_dense`). */
export function meanReward(rewards: ArrayLike<number>): number {
  let sum = 0;
  for (let t = 0; t < rewards.length; t++) sum += rewards[t] as number;
  return sum / rewards.length;
}
