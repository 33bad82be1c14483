import type { Work } from './bench-case.ts';

/** The most that this adapter was seen to do, measured in the same process. */
export interface Ceilings {
  /** Multiply-adds on registers alone. */
  readonly gflops: number;
  /** A copy far larger than the caches, read and written bytes together. */
  readonly gbytes: number;
}

/**
 * Share of the roofline: the least time that the work could take under the ceilings over the time it
 * took. Above 1 where the data fit a cache that is faster than memory.
 */
export function rooflineShare(work: Work, milliseconds: number, ceilings: Ceilings): number {
  const compute = work.flops / (ceilings.gflops * 1e6);
  const memory = work.bytes / (ceilings.gbytes * 1e6);
  return Math.max(compute, memory) / milliseconds;
}
