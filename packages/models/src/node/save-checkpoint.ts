import { join } from 'node:path';
import type { DirectorySink } from '../io/byte-source.ts';
import { writeDirectory } from './atomic-directory.ts';
import { keepLast, stepName, writePointer } from './checkpoint-folder.ts';
import { diskFileSystem, type FileSystem } from './file-system.ts';

export interface SaveCheckpointOptions {
  /** Folder of all checkpoints of a run. */
  readonly folder: string;
  readonly step: number;
  /** Bytes that the files will take; checked against the free space first. */
  readonly expectedBytes: number;
  /** Kept in the manifest. */
  readonly extra?: Readonly<Record<string, unknown>>;
  /** Also point `best` at it. */
  readonly isBest: boolean;
  /** Also point `warmup` at it, and keep it from then on. */
  readonly isWarmup?: boolean;
  /** How many of the newest checkpoints stay. */
  readonly keep: number;
  readonly fileSystem?: FileSystem;
}

/**
 * Saves the checkpoint of a step in the one order that never leaves a run without a good one: the directory, complete
 * and synced; then the pointers; only then are old ones removed. Saving the same step again, as a resumed run may,
 * replaces it. Returns the checkpoint's path.
 */
export async function saveCheckpoint(
  options: SaveCheckpointOptions,
  fill: (directory: DirectorySink) => Promise<void>,
): Promise<string> {
  const {
    folder,
    step,
    expectedBytes,
    extra = {},
    isBest,
    isWarmup = false,
    keep,
    fileSystem = diskFileSystem,
  } = options;
  const name = stepName(step);
  const path = join(folder, name);
  await writeDirectory(path, { expectedBytes, extra, replace: true, fileSystem }, fill);
  await writePointer(folder, 'latest', name, fileSystem);
  if (isBest) await writePointer(folder, 'best', name, fileSystem);
  if (isWarmup) await writePointer(folder, 'warmup', name, fileSystem);
  await keepLast(folder, keep, fileSystem);
  return path;
}
