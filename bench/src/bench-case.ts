import type { Device, Tensor } from '@dawngrad/tensor';
import type { Params } from './row.ts';

/** Work of one run, as the algorithm needs it and not as a kernel happens to do it. */
export interface Work {
  /** Floating-point operations; a multiply-add counts two. */
  readonly flops: number;
  /** Bytes that must move if every input is read once and every output written once. */
  readonly bytes: number;
  /** Tokens trained on or generated; 0 where the word means nothing. */
  readonly tokens?: number;
}

/** A case with its tensors on the device. */
export type Prepared = RecordedRun | AwaitedRun;

/** Work that is recorded in one go: timed by timestamps and by the clock. */
export interface RecordedRun {
  /** Records one run and returns what a real caller would read back. Runs inside a scope. */
  readonly record: () => readonly Tensor[];
  readonly dispose: () => void;
}

/** Work that reads results on the way, such as decoding: timed by the clock alone. */
export interface AwaitedRun {
  readonly run: () => Promise<void>;
  readonly dispose: () => void;
}

export interface BenchCase {
  /** Subject, direction and sizes; what a filter is matched against. */
  readonly name: string;
  readonly params: Params;
  readonly work: Work;
  readonly prepare: (device: Device) => Prepared;
  /** Runs with `--quick` too. */
  readonly isQuick?: boolean;
  /** Too much for a software adapter: runs on hardware with `--all`. */
  readonly isLarge?: boolean;
}
