import type { AttentionWorkload, MatmulWorkload, TrainWorkload } from './workload.ts';

/**
 * One library's version of a workload. A run does the whole work and reads the loss or product back;
 * with `isCheck` it returns every result (after the loss: dq, dk, dv) for comparison.
 */
export interface Runner {
  readonly run: (isCheck: boolean) => Promise<readonly Float32Array[]>;
  readonly dispose: () => void;
}

/** A library, with the workloads that it can do. */
export interface Contender {
  readonly name: string;
  readonly matmul: (workload: MatmulWorkload) => Promise<Runner>;
  readonly attention?: (workload: AttentionWorkload) => Promise<Runner>;
  readonly train?: (workload: TrainWorkload) => Promise<Runner>;
}
