import { ToolError } from '@dawngrad/tensor';

/** A learning rate as a multiple of its peak, in [0, 1], by step (counted from 0). */
export type Schedule = (step: number) => number;

/** The shapes of schedules; each begins with the warm-up. */
export type ScheduleKind = 'constant' | 'linear' | 'cosine';

/** The shape of a schedule over steps s = 0, 1, ... */
export interface ScheduleOptions {
  /**
   * With w warm-up steps, n steps in all, the floor f and the progress q = min(1, (s - w) / (n - w)):
   * - every kind during the warm-up, s < w: (s + 1) / w;
   * - 'constant' (constant with warm-up): 1;
   * - 'linear': f + (1 - f) (1 - q);
   * - 'cosine': f + (1 - f) (1 + cos(pi q)) / 2.
   */
  readonly kind: ScheduleKind;
  /** Steps of linear rise from 1 / warmup to 1. 0 for none. */
  readonly warmup: number;
  /** Steps in all, warm-up included; not used by 'constant'. */
  readonly total: number;
  /** Where 'linear' and 'cosine' end and stay, as a fraction of the peak: the smallest ratio. */
  readonly floor: number;
}

/**
 * Linear warm-up, then constant, linear decay or cosine decay. Step s of the warm-up has the factor
 * (s + 1) / warmup, so that the first step already moves; from then on the decay runs over
 * (total - warmup) steps and stays at the floor.
 *
 * Throws ToolError 'config' for steps that are no whole numbers from 0 on, or a floor outside [0, 1].
 */
export function schedule({ kind, warmup, total, floor }: ScheduleOptions): Schedule {
  for (const [name, steps] of Object.entries({ warmup, total })) {
    if (!Number.isInteger(steps) || steps < 0) fail(`a whole number from 0 on as ${name}`, steps);
  }
  if (!(floor >= 0 && floor <= 1)) fail('a floor from 0 to 1', floor);
  return (step) => {
    if (step < warmup) return (step + 1) / warmup;
    if (kind === 'constant') return 1;
    const progress = Math.min(1, (step - warmup) / Math.max(1, total - warmup));
    const shape = kind === 'linear' ? 1 - progress : 0.5 * (1 + Math.cos(Math.PI * progress));
    return floor + (1 - floor) * shape;
  };
}

function fail(expected: string, got: number): never {
  throw new ToolError('config', { op: 'schedule', expected, got: String(got) });
}
