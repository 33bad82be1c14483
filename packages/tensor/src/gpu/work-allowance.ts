import type { LaunchCost } from '../plan/fusion-info.ts';
import type { AdapterClass } from './adapter.ts';

/**
 * Rates far below those of any driver that is of use, in operations and bytes a second: our slowest kernels reach ten
 * times as much on a software adapter with one core.
 */
const LEAST_RATES: Readonly<Record<AdapterClass, { readonly flops: number; readonly bytes: number }>> = {
  cpu: { flops: 5e8, bytes: 5e7 },
  gpu: { flops: 2e10, bytes: 2e9 },
};
/**
 * Work that a submit may hold, in operations. The device then starts while the rest is still recorded, and no submit
 * comes near the 2 s after which Windows takes a GPU for hung.
 */
const MOST_FLOPS: Readonly<Record<AdapterClass, number>> = { cpu: 2e10, gpu: 5e11 };

/** Counts the work that the device was given and has not been seen to finish, to tell slow from hung. */
export class WorkAllowance {
  readonly #adapterClass: AdapterClass;
  #seconds = 0;
  #listFlops = 0;
  /** Operations of all launches so far. */
  totalFlops = 0;

  constructor(adapterClass: AdapterClass) {
    this.#adapterClass = adapterClass;
  }

  /** One more launch is waiting. */
  add({ flops = 0, bytes = 0 }: LaunchCost): void {
    const least = LEAST_RATES[this.#adapterClass];
    this.#seconds += flops / least.flops + bytes / least.bytes;
    this.#listFlops += flops;
    this.totalFlops += flops;
  }

  /** True where what has been recorded since the last submit is enough for one. */
  get isListFull(): boolean {
    return this.#listFlops >= MOST_FLOPS[this.#adapterClass];
  }

  /** What was recorded is submitted. */
  submitted(): void {
    this.#listFlops = 0;
  }

  /** What the device may take for all that it was given so far, in ms, at rates that only a hung one is below. */
  get allowedMs(): number {
    return 1000 * this.#seconds;
  }

  /** The device has finished all that was allowed `ms`. */
  finished(ms: number): void {
    this.#seconds = Math.max(0, this.#seconds - ms / 1000);
  }
}
