export interface CriticScheduleOptions {
  /** The highest learning rate. */
  readonly peak: number;
  /** Updates of linear rise: the critic's whole warm-up, W. */
  readonly warmup: number;
  /** All updates of the run: W + rounds x updates a round. */
  readonly total: number;
  readonly decay: 'cosine' | 'none';
}

/**
 * The critic's learning rate at an update, counted from 1: a linear rise from 0 over the warm-up, then
 * half a cosine down to 0 at the last update (r-airl.md, section 3.6), or no decay.
 */
export function criticLearningRate(update: number, options: CriticScheduleOptions): number {
  const { peak, warmup, total, decay } = options;
  if (update < warmup) return (peak * update) / warmup;
  if (decay === 'none') return peak;
  const progress = Math.min(1, (update - warmup) / Math.max(1, total - warmup));
  return (peak * (1 + Math.cos(Math.PI * progress))) / 2;
}
