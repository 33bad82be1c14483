import type { PhaseMeasure } from '@dawngrad/airl';
import type { ConfigKind } from '../config/schema.ts';

/** A change of the configuration, and what it is worth. */
export interface PlanKnob {
  readonly overrides: readonly string[];
  /** By which the peak of what trains and scores falls. */
  readonly savedBytes: number;
  /** More work of a step, as a share. */
  readonly extraWork: number;
  readonly effect: string;
}

/** What `dawngrad plan --json` prints. */
export interface Plan {
  readonly kind: ConfigKind;
  readonly model: string;
  readonly parameters: number;
  readonly adapter: 'gpu' | 'cpu';
  readonly bindingBytes: number;
  readonly budgetBytes: number;
  readonly fits: boolean;
  readonly peakBytes: number;
  /** Where the budget refuses a phase: what it needs at the least. */
  readonly phases: readonly PhaseMeasure[];
  /** 0 where not even a row of the longest length fits. */
  readonly largestMicroBatchTokens: number;
  readonly longestRowTokens: number;
  /** Sequences that are decoded together within the budget. */
  readonly slots: number | undefined;
  readonly knobs: readonly PlanKnob[];
  readonly steps: number | undefined;
  readonly totalTokens: number | undefined;
  readonly totalFlops: number | undefined;
  readonly stepFlops: number;
  readonly checkpointBytes: number;
  readonly keptCheckpoints: number;
  /** Host memory that a save takes for the moments of the optimisers. */
  readonly hostBytes: number;
  readonly unknown: readonly string[];
}

export const UNKNOWNS: readonly string[] = [
  'lengths of the rows: all count with the longest that the limits allow',
  'memory of the driver, of compiled kernels and of uploads on their way',
  'freed buffers that the device keeps for reuse, up to the budget',
  'host memory of the data, the tokenizer and the runtime',
  'seconds: the work is counted, the speed of the device is not known here',
];
