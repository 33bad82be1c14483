import type { Storage } from '../gpu/buffer-pool.ts';
import type { BufferBinding } from '../gpu/command-list.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';

/** The ranges that a launch only reads. */
export function readsOf({ kernel, bindings }: RecordedLaunch): BufferBinding[] {
  return bindings.filter((_, i) => kernel.bindings[i]!.access === 'read');
}

/** The ranges that a launch writes, and may read as well. */
export function writesOf({ kernel, bindings }: RecordedLaunch): BufferBinding[] {
  return bindings.filter((_, i) => kernel.bindings[i]!.access !== 'read');
}

function overlap(a: BufferBinding, b: BufferBinding): boolean {
  return a.storage === b.storage && a.offset < b.offset + b.size && b.offset < a.offset + a.size;
}

/** True if one of `ranges` shares a byte with one of `others`. */
export function anyOverlap(ranges: readonly BufferBinding[], others: readonly BufferBinding[]): boolean {
  return ranges.some((range) => others.some((other) => overlap(range, other)));
}

/** Which launches (by index) read and write each storage. */
export interface StorageUse {
  readonly readers: number[];
  readonly writers: number[];
}

export function usesByStorage(launches: readonly RecordedLaunch[]): Map<Storage, StorageUse> {
  const uses = new Map<Storage, StorageUse>();
  const useOf = (storage: Storage): StorageUse => {
    const found = uses.get(storage) ?? { readers: [], writers: [] };
    uses.set(storage, found);
    return found;
  };
  launches.forEach((launch, i) => {
    for (const { storage } of readsOf(launch)) if (useOf(storage).readers.at(-1) !== i) useOf(storage).readers.push(i);
    for (const { storage } of writesOf(launch)) if (useOf(storage).writers.at(-1) !== i) useOf(storage).writers.push(i);
  });
  return uses;
}
