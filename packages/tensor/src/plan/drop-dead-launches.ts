import type { Storage } from '../gpu/buffer-pool.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import { writesOf } from './launch-access.ts';

/**
 * The launches whose results somebody sees: those that write a buffer for which `isObserved` holds, and all
 * that these need. What a launch writes is taken to be read in part by itself, so nothing is ever "overwritten".
 */
export function dropDeadLaunches(
  launches: readonly RecordedLaunch[],
  isObserved: (storage: Storage) => boolean,
): RecordedLaunch[] {
  const needed = new Set<Storage>();
  const kept: RecordedLaunch[] = [];
  for (let i = launches.length - 1; i >= 0; i--) {
    const launch = launches[i]!;
    if (!writesOf(launch).some(({ storage }) => needed.has(storage) || isObserved(storage))) continue;
    for (const { storage } of launch.bindings) needed.add(storage);
    kept.push(launch);
  }
  return kept.reverse();
}
