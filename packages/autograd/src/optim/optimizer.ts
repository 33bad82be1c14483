import type { HostArray, ScalarLike, Tensor } from '@dawngrad/tensor';

/** What the device found about the gradients of a step. */
export interface StepStats {
  /** Global norm before clipping. */
  readonly gradientNorm: number;
  /** Non-finite gradient values; the step was skipped if this is not 0. */
  readonly nonFinite: number;
}

/** Everything that an optimizer must carry over a restart: named lists of flat arrays, one an arena. */
export type OptimizerState = { readonly step: number } & {
  readonly [name: string]: number | readonly HostArray[];
};

/** What trainers need of an optimizer; its parameters were given to its constructor. */
export interface Optimizer {
  /** Steps taken, skipped ones included: schedules and bias corrections stay a function of time. */
  readonly stepCount: number;
  /** Device tensor [2] of the last step: the global norm of the gradients and the number of non-finite values. */
  readonly stats: Tensor;
  /**
   * Clips, updates and zeroes the gradients. A step with a non-finite gradient changes nothing but the
   * gradients and the count; the device finds that out by itself.
   *
   * @param lr learning rate of this step. A `Scalar` in a compiled step: its value is read at each replay.
   */
  step(lr: ScalarLike): void;
  /** Reads the state for a checkpoint. */
  state(): Promise<OptimizerState>;
  /** Puts a state of `state` back. Throws ToolError 'corrupt' for one of other parameters. */
  restore(state: OptimizerState): void;
  /** Gives the state back to the pool; the parameters stay. */
  dispose(): void;
}

/** Interprets the values of an optimizer's `stats`. */
export function stepStats(values: ArrayLike<number>): StepStats {
  return { gradientNorm: values[0]!, nonFinite: values[1]! };
}
