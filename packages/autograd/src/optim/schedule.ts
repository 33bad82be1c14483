/** A learning rate as a multiple of its peak, in [0, 1], by step (counted from 0). */
export type Schedule = (step: number) => number;

export interface ScheduleOptions {
  readonly kind: 'constant' | 'linear' | 'cosine';
  /** Steps of linear rise from 1/warmup to 1. */
  readonly warmup: number;
  /** Steps in all, warm-up included; not used by 'constant'. */
  readonly total: number;
  /** Where 'linear' and 'cosine' end, as a fraction of the peak. */
  readonly floor: number;
}

/**
 * Linear warm-up, then constant, linear decay or cosine decay. Step s of the warm-up has the factor
 * (s + 1) / warmup, so that the first step already moves; from then on the decay runs over
 * (total - warmup) steps and stays at the floor.
 */
export function schedule({ kind, warmup, total, floor }: ScheduleOptions): Schedule {
  return (step) => {
    if (step < warmup) return (step + 1) / warmup;
    if (kind === 'constant') return 1;
    const progress = Math.min(1, (step - warmup) / Math.max(1, total - warmup));
    const shape = kind === 'linear' ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress));
    return floor + (1 - floor) * shape;
  };
}
