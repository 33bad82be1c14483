import type { Kernel, Workgroups } from './kernel.ts';

/** A kernel with everything but its buffers. */
export interface LaunchPlan {
  readonly kernel: Kernel;
  readonly params: readonly number[];
  readonly workgroups: Workgroups;
}
