import type { DispatchRecord } from './command-list.ts';
import { COPY_DST, COPY_SRC, MAP_MODE_READ, MAP_READ, QUERY_RESOLVE } from './usage.ts';

/** Time of one kernel on the device's own clock. */
export interface KernelTiming {
  readonly label: string;
  /** Since the first launch of the same submit began. */
  readonly startMicroseconds: number;
  readonly microseconds: number;
  /** Floating-point operations, where the op states them. */
  readonly flops: number | undefined;
  /** Bytes to move at least, as the op states them; else those of the bindings. */
  readonly bytes: number;
}

/** Most launches that a set can time: Dawn allows 4,096 timestamps, two a launch. */
export const MAX_TIMED_LAUNCHES = 2048;

/** Timestamps around each launch of one submit. */
export class TimestampSet {
  readonly #launches: readonly DispatchRecord[];
  readonly #queries: GPUQuerySet;
  readonly #resolved: GPUBuffer;
  readonly #staging: GPUBuffer;

  /** At least one launch and at most `MAX_TIMED_LAUNCHES`. */
  constructor(device: GPUDevice, launches: readonly DispatchRecord[]) {
    this.#launches = launches;
    const bytes = launches.length * 16;
    this.#queries = device.createQuerySet({ type: 'timestamp', count: launches.length * 2 });
    this.#resolved = device.createBuffer({ size: bytes, usage: QUERY_RESOLVE | COPY_SRC });
    this.#staging = device.createBuffer({ size: bytes, usage: MAP_READ | COPY_DST });
  }

  /** What the pass of launch `index` writes. */
  writes(index: number): GPUComputePassTimestampWrites {
    return { querySet: this.#queries, beginningOfPassWriteIndex: index * 2, endOfPassWriteIndex: index * 2 + 1 };
  }

  /** To be encoded after the launches. */
  resolve(encoder: GPUCommandEncoder): void {
    encoder.resolveQuerySet(this.#queries, 0, this.#launches.length * 2, this.#resolved, 0);
    encoder.copyBufferToBuffer(this.#resolved, 0, this.#staging, 0, this.#launches.length * 16);
  }

  /** The times, after the submit. Frees the set. */
  async read(): Promise<KernelTiming[]> {
    try {
      await this.#staging.mapAsync(MAP_MODE_READ);
      const ticks = new BigUint64Array(this.#staging.getMappedRange().slice(0));
      const micros = (from: bigint, to: bigint): number => Number(to - from) / 1000;
      return this.#launches.map(({ entry, bindings, cost }, i) => ({
        label: entry.kernel.label,
        startMicroseconds: micros(ticks[0]!, ticks[2 * i]!),
        microseconds: micros(ticks[2 * i]!, ticks[2 * i + 1]!),
        flops: cost?.flops,
        bytes: cost?.bytes ?? bindings.reduce((total, { size }) => total + size, 0),
      }));
    } finally {
      this.#queries.destroy();
      this.#resolved.destroy();
      this.#staging.destroy();
    }
  }
}
