import { Device, dryGpu } from '@dawngrad/tensor';
import { DryRun, type DryRunOptions } from './dry-run.ts';
import type { PhaseMeasure } from './phase-meter.ts';
import type { PlannedRun } from './planned-run.ts';

/** The adapter that a run is planned for. */
export interface PlannedAdapter {
  readonly adapterClass: 'cpu' | 'gpu';
  /** Most bytes of one storage binding. Default: 2 GiB. */
  readonly bindingBytes?: number;
  /** Optional features that it has. Default: all that the engine uses but subgroup matrices. */
  readonly features?: readonly string[];
}

export interface RunMeasure {
  readonly phases: readonly PhaseMeasure[];
  /** The largest peak of all phases. */
  readonly peakBytes: number;
  /** Device memory that is held at the end, with what is kept for reuse. */
  readonly reservedBytes: number;
  /** Bytes in each checkpoint: what is trained, and the moments of its optimisers. */
  readonly checkpointBytes: { readonly models: number; readonly moments: number };
}

/** More than any device has. */
const NO_BUDGET = 2 ** 50;

/**
 * Measures what a run takes on an adapter, with at most `budgetBytes` of memory, without a GPU: the phases that do not
 * fit say so.
 */
export async function measureRun(
  run: PlannedRun,
  { adapterClass, bindingBytes, features }: PlannedAdapter,
  { budgetBytes = NO_BUDGET, ...options }: DryRunOptions & { readonly budgetBytes?: number } = {},
): Promise<RunMeasure> {
  const limits = bindingBytes === undefined ? {} : { maxStorageBufferBindingSize: bindingBytes };
  const gpu = dryGpu({ adapterClass, limits, ...(features === undefined ? {} : { features }) });
  using device = await Device.open(gpu, { budgetBytes });
  const dry = new DryRun(device, run, options);
  await dry.measure();
  return {
    phases: dry.phases,
    peakBytes: Math.max(...dry.phases.map(({ peakBytes }) => peakBytes)),
    reservedBytes: device.memory.reservedBytes,
    checkpointBytes: dry.checkpointBytes,
  };
}
