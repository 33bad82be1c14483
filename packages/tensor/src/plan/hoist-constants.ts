import type { Storage } from '../gpu/buffer-pool.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import { readsOf, usesByStorage, writesOf } from './launch-access.ts';

/** Largest constant result that is worth keeping in memory for good. */
const MAX_BYTES = 1 << 20;

export interface HoistedLaunches {
  /** To be done once. */
  readonly once: readonly RecordedLaunch[];
  readonly perStep: readonly RecordedLaunch[];
  /** Temporaries that the former leave for the latter. */
  readonly kept: ReadonlySet<Storage>;
}

/**
 * Takes out the launches that give the same at every replay: those that read nothing but constants of the step
 * and results of such launches, have no changing parameter, and alone write a temporary.
 */
export function hoistConstants(
  launches: readonly RecordedLaunch[],
  isTemporary: (storage: Storage) => boolean,
  isConstant: (storage: Storage) => boolean,
): HoistedLaunches {
  const uses = usesByStorage(launches);
  const known = new Set<Storage>();
  const isWritten = (storage: Storage): boolean => (uses.get(storage)?.writers.length ?? 0) > 0;
  const isFixed = (launch: RecordedLaunch): boolean =>
    launch.params.every((param) => typeof param === 'number') &&
    readsOf(launch).every(({ storage }) => known.has(storage) || (isConstant(storage) && !isWritten(storage))) &&
    writesOf(launch).every(
      ({ storage }) => isTemporary(storage) && storage.bytes <= MAX_BYTES && uses.get(storage)!.writers.length === 1,
    );
  const once: RecordedLaunch[] = [];
  const perStep: RecordedLaunch[] = [];
  for (const launch of launches) {
    if (!isFixed(launch)) perStep.push(launch);
    else {
      once.push(launch);
      for (const { storage } of writesOf(launch)) known.add(storage);
    }
  }
  const read = new Set(perStep.flatMap((launch) => readsOf(launch).map(({ storage }) => storage)));
  return { once, perStep, kept: new Set([...known].filter((storage) => read.has(storage))) };
}
