import type { ScalarLike } from '../scalar.ts';
import type { Kernel, Workgroups } from './kernel.ts';

/** A kernel with everything but its buffers. */
export interface LaunchPlan {
  readonly kernel: Kernel;
  readonly params: readonly ScalarLike[];
  readonly workgroups: Workgroups;
  /** Floating-point operations, for dumps and profiles. */
  readonly flops?: number;
  /** Least bytes to move. */
  readonly bytes?: number;
}
