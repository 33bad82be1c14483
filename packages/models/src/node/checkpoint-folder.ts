import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import { decodeUtf8 } from '../io/byte-source.ts';
import { writeFileAtomically } from './atomic-directory.ts';
import { diskFileSystem, type FileSystem } from './file-system.ts';
import { fsErrorCode, withIoErrors } from './io-error.ts';
import { type DirectoryFault, type Manifest, verifyDirectory } from './manifest.ts';

/** A file in a folder of checkpoints that names one of them. */
export type PointerName = 'latest' | 'best' | 'warmup';

const POINTERS: readonly PointerName[] = ['latest', 'best', 'warmup'];
const STEP_NAME = /^step-(\d{8,})$/;
/** Left by `writeDirectory` and `writeFileAtomically`: kind, name, process id. */
const LEFTOVER_NAME = /^\.(tmp|old)-(.+)-(\d+)-[0-9a-f]{8}$/;
/** A leftover of a process id that is in use again is taken for stale after this time. */
const STALE_AFTER_MS = 24 * 60 * 60 * 1000;

/** `step-00000200`: names sort by step. */
export function stepName(step: number): string {
  return `step-${String(step).padStart(8, '0')}`;
}

/** Points `latest`, `best` or `warmup` at a checkpoint of `folder`. */
export async function writePointer(
  folder: string,
  pointer: PointerName,
  checkpoint: string,
  fileSystem: FileSystem = diskFileSystem,
): Promise<void> {
  await writeFileAtomically(join(folder, pointer), new TextEncoder().encode(`${checkpoint}\n`), fileSystem);
}

/** The checkpoint that a pointer names; undefined when there is no pointer. A damaged one: ToolError 'corrupt'. */
export async function readPointer(
  folder: string,
  pointer: PointerName,
  fileSystem: FileSystem = diskFileSystem,
): Promise<string | undefined> {
  const bytes = new Uint8Array(256);
  const count = await withIoErrors(join(folder, pointer), async () => {
    if (!(await listIfPresent(fileSystem, folder)).includes(pointer)) return undefined;
    const handle = await fileSystem.open(join(folder, pointer), 'r');
    return handle.read(bytes).finally(() => handle.close());
  });
  if (count === undefined) return undefined;
  const name = decodeUtf8(pointer, bytes.subarray(0, count)).trimEnd();
  if (/^[\w][\w.-]*$/.test(name)) return name;
  throw new ToolError('corrupt', {
    op: join(folder, pointer),
    expected: 'the name of a checkpoint',
    got: JSON.stringify(name.slice(0, 60)),
  });
}

export interface FoundCheckpoint {
  readonly name: string;
  readonly path: string;
  readonly manifest: Manifest;
}

export interface RejectedCheckpoint {
  readonly name: string;
  readonly faults: readonly DirectoryFault[];
}

/**
 * The newest checkpoint whose files agree with its manifest, and the newer ones that do not, newest first: the caller
 * asks before it falls back to an older one.
 */
export async function findNewestCheckpoint(
  folder: string,
  fileSystem: FileSystem = diskFileSystem,
): Promise<{ readonly found?: FoundCheckpoint; readonly rejected: readonly RejectedCheckpoint[] }> {
  const rejected: RejectedCheckpoint[] = [];
  const names = await withIoErrors(folder, () => listIfPresent(fileSystem, folder));
  for (const name of stepsNewestFirst(names)) {
    const path = join(folder, name);
    const { manifest, faults } = await verifyDirectory(path, fileSystem);
    if (manifest !== undefined && faults.length === 0) return { found: { name, path, manifest }, rejected };
    rejected.push({ name, faults });
  }
  return { rejected };
}

/**
 * Removes all but the newest `keep` checkpoints; those that a pointer names stay in any case. Call it after
 * the new checkpoint and its pointers are safe, never before. Returns the names removed.
 */
export async function keepLast(
  folder: string,
  keep: number,
  fileSystem: FileSystem = diskFileSystem,
): Promise<readonly string[]> {
  if (!Number.isSafeInteger(keep) || keep < 1) {
    throw new ToolError('usage', { op: 'keepLast', expected: 'a count of at least 1', got: String(keep) });
  }
  return withIoErrors(folder, async () => {
    const pointed: (string | undefined)[] = [];
    for (const pointer of POINTERS) pointed.push(await readPointer(folder, pointer, fileSystem));
    const steps = stepsNewestFirst(await listIfPresent(fileSystem, folder));
    const doomed = steps.slice(keep).filter((name) => !pointed.includes(name));
    for (const name of doomed) {
      // Out of the way first: a checkpoint that is half removed must not carry a checkpoint's name.
      const aside = join(folder, `.tmp-${name}-${process.pid}-00000000`);
      await fileSystem.remove(aside);
      await fileSystem.rename(join(folder, name), aside);
      await fileSystem.remove(aside);
    }
    return doomed;
  });
}

/**
 * Clears what killed processes left in `folder`: temporary files and directories go; a directory that was moved aside
 * while its replacement was put in place comes back if the replacement never did. Leftovers of living processes stay,
 * unless they are older than a day. Returns the names that were dealt with.
 */
export async function sweepStale(folder: string, fileSystem: FileSystem = diskFileSystem): Promise<readonly string[]> {
  return withIoErrors(folder, async () => {
    const swept: string[] = [];
    const names = await listIfPresent(fileSystem, folder);
    const present = new Set(names);
    for (const leftover of names) {
      const [, kind, name, pid] = LEFTOVER_NAME.exec(leftover) ?? [];
      if (name === undefined || !(await isStale(fileSystem, join(folder, leftover), Number(pid)))) continue;
      if (kind === 'old' && !present.has(name)) {
        await fileSystem.rename(join(folder, leftover), join(folder, name));
        present.add(name);
      } else {
        await fileSystem.remove(join(folder, leftover));
      }
      swept.push(leftover);
    }
    return swept;
  });
}

async function isStale(fileSystem: FileSystem, path: string, pid: number): Promise<boolean> {
  if (!isAlive(pid)) return true;
  const modifiedMs = await fileSystem.modifiedMs(path);
  // In a container every run may have the same process id: what is older than this process is not its own.
  if (pid === process.pid && modifiedMs < performance.timeOrigin) return true;
  return Date.now() - modifiedMs > STALE_AFTER_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return fsErrorCode(error) === 'EPERM';
  }
}

async function listIfPresent(fileSystem: FileSystem, folder: string): Promise<readonly string[]> {
  try {
    return await fileSystem.list(folder);
  } catch (error) {
    if (fsErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
}

function stepsNewestFirst(names: readonly string[]): readonly string[] {
  const step = (name: string): number => Number(STEP_NAME.exec(name)?.[1]);
  return names.filter((name) => STEP_NAME.test(name)).sort((a, b) => step(b) - step(a));
}
