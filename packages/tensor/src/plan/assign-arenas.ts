import type { Storage } from '../gpu/buffer-pool.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import { readsOf, writesOf } from './launch-access.ts';

/** Binding offsets must be multiples of this. */
const ALIGNMENT = 256;

/** Where a temporary lies. */
export interface ArenaPlace {
  /** Index into `ArenaPlan.sizes`. */
  readonly arena: number;
  /** In bytes. */
  readonly offset: number;
}

export interface ArenaPlan {
  /** Bytes of each arena. */
  readonly sizes: readonly number[];
  readonly places: ReadonlyMap<Storage, ArenaPlace>;
}

interface Item {
  readonly storage: Storage;
  readonly bytes: number;
  readonly first: number;
  last: number;
  /** Temporaries that some launch writes while it reads this one, or the other way round. */
  readonly apart: Set<Storage>;
}

interface Placed extends Item {
  readonly offset: number;
}

/**
 * Turns lifetimes into offsets: temporaries whose uses do not overlap in time may share bytes. There is more
 * than one arena because WebGPU takes a buffer as read-only or as writable within a launch, not as both, so
 * what a launch reads and what it writes lie in different ones. Largest first, each at the place that lets
 * its arena grow least (Pisarchyk and Lee, "Efficient memory management for deep neural net inference", 2020).
 *
 * @param maxBytes largest arena, the adapter's limit of a binding.
 */
export function assignArenas(
  launches: readonly RecordedLaunch[],
  isTemporary: (storage: Storage) => boolean,
  maxBytes: number,
): ArenaPlan {
  const items = [...lifetimes(launches, isTemporary).values()].sort((a, b) => b.bytes - a.bytes || a.first - b.first);
  const arenas: Placed[][] = [];
  const sizes: number[] = [];
  const places = new Map<Storage, ArenaPlace>();
  for (const item of items) {
    let best: { arena: number; offset: number; growth: number } | undefined;
    for (const [arena, placed] of arenas.entries()) {
      if (placed.some(({ storage }) => item.apart.has(storage))) continue;
      const offset = lowestOffset(item, placed);
      const growth = Math.max(0, offset + item.bytes - sizes[arena]!);
      if (offset + item.bytes <= maxBytes && (best === undefined || growth < best.growth))
        best = { arena, offset, growth };
    }
    best ??= { arena: arenas.push([]) - 1, offset: 0, growth: item.bytes };
    arenas[best.arena]!.push({ ...item, offset: best.offset });
    sizes[best.arena] = Math.max(sizes[best.arena] ?? 0, best.offset + item.bytes);
    places.set(item.storage, { arena: best.arena, offset: best.offset });
  }
  return { sizes, places };
}

function lifetimes(
  launches: readonly RecordedLaunch[],
  isTemporary: (storage: Storage) => boolean,
): Map<Storage, Item> {
  const items = new Map<Storage, Item>();
  launches.forEach((launch, i) => {
    for (const { storage } of launch.bindings) {
      if (!isTemporary(storage)) continue;
      const known = items.get(storage);
      if (known !== undefined) known.last = i;
      else {
        const bytes = Math.ceil(storage.bytes / ALIGNMENT) * ALIGNMENT;
        items.set(storage, { storage, bytes, first: i, last: i, apart: new Set() });
      }
    }
    for (const read of readsOf(launch))
      for (const written of writesOf(launch)) {
        items.get(read.storage)?.apart.add(written.storage);
        items.get(written.storage)?.apart.add(read.storage);
      }
  });
  return items;
}

/** The lowest offset at which the item meets nothing that lives at the same time. */
function lowestOffset(item: Item, placed: readonly Placed[]): number {
  const meeting = placed
    .filter(({ first, last }) => first <= item.last && item.first <= last)
    .sort((a, b) => a.offset - b.offset);
  let offset = 0;
  for (const other of meeting) {
    if (offset + item.bytes <= other.offset) break;
    offset = Math.max(offset, other.offset + other.bytes);
  }
  return offset;
}
