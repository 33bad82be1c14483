import { Adamw, type ParameterGroup, type Parameters, type Schedule, schedule } from '@dawngrad/autograd';

export interface OptimOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Decoupled weight decay. */
  readonly weightDecay: number;
  /** Of all weights; otherwise, unless said, of matrices alone and not of biases and norms, as Hugging Face's Trainer. */
  readonly decaysAll?: boolean;
  /** Gradients are scaled down to this global norm. */
  readonly maxGradNorm: number;
  readonly schedule: 'cosine' | 'linear' | 'constant';
  /** Share of the steps in which the learning rate rises from 0. */
  readonly warmupRatio: number;
  /** Learning rate at the end, as a share of the peak. */
  readonly finalRatio: number;
}

/** @param groups parameters with hyperparameters of their own */
export function createOptimizer(
  parameters: Parameters | readonly Parameters[],
  options: OptimOptions,
  groups: readonly ParameterGroup[] = [],
): Adamw {
  const { beta1, beta2, epsilon, weightDecay, maxGradNorm, decaysAll = false } = options;
  // A group's own number counts for all that it matches; the last group has all others.
  const all = decaysAll ? [...groups.map((group) => ({ weightDecay, ...group })), { match: '*', weightDecay }] : groups;
  return new Adamw(parameters, { beta1, beta2, eps: epsilon, weightDecay, maxNorm: maxGradNorm, groups: all });
}

/** The learning rate of each step, counted from 0. */
export function learningRate(peak: number, steps: number, options: OptimOptions): Schedule {
  const factor = schedule({
    kind: options.schedule,
    warmup: Math.round(options.warmupRatio * steps),
    total: steps,
    floor: options.finalRatio,
  });
  return (step) => peak * factor(step);
}
