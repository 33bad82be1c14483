import type { ToolError } from '../errors.ts';
import type { FusionInfo } from '../plan/fusion-info.ts';
import type { ScalarLike } from '../scalar.ts';
import type { Storage } from './buffer-pool.ts';
import type { BufferBinding } from './command-list.ts';
import type { Kernel, Workgroups } from './kernel.ts';

/** One launch as it was asked for, before it has a pipeline. */
export interface RecordedLaunch {
  readonly kernel: Kernel;
  readonly bindings: readonly BufferBinding[];
  readonly params: readonly ScalarLike[];
  readonly workgroups: Workgroups;
  readonly info: FusionInfo | undefined;
}

/** Takes what would otherwise go to the command list, while a step is compiled. */
export interface LaunchRecorder {
  /** A launch of the step, in order. */
  onLaunch(launch: RecordedLaunch): void;
  /** A real buffer with values from the host. */
  onUpload(storage: Storage): void;
  /** Host work that belongs to the step; it has been done once already. */
  onHostEffect(effect: () => void): void;
  /** Work that a recorded step cannot do; the error is thrown where it was asked for as well. */
  onRefusal(error: ToolError): void;
}
