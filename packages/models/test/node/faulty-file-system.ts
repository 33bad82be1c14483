import type { FileHandleLike, FileSystem } from '../../src/node/file-system.ts';

/** What happens at the chosen call: an error of that code, or a write of half the bytes. */
export type Fault = 'ENOSPC' | 'EIO' | 'EACCES' | 'short write';

export interface FaultyFileSystem extends FileSystem {
  /** Calls made so far. */
  readonly calls: readonly string[];
}

/**
 * The file system `base` with a fault at the k-th call (counted from 0; none for -1). `isFatal` makes every later call fail as
 * well: what a process leaves that was killed there.
 */
export function faultyFileSystem(base: FileSystem, k: number, fault: Fault, isFatal = false): FaultyFileSystem {
  const calls: string[] = [];
  const pass = (call: string): boolean => {
    const index = calls.push(call) - 1;
    const isHit = k >= 0 && (isFatal ? index >= k : index === k);
    if (isHit && fault !== 'short write')
      throw Object.assign(new Error(`${fault}: injected at ${call}`), { code: fault });
    return isHit;
  };
  const wrap = (handle: FileHandleLike): FileHandleLike => ({
    async write(bytes) {
      const isShort = pass('write');
      return handle.write(isShort ? bytes.subarray(0, Math.ceil(bytes.byteLength / 2)) : bytes);
    },
    async read(into) {
      const isShort = pass('read');
      return handle.read(isShort ? into.subarray(0, Math.ceil(into.byteLength / 2)) : into);
    },
    async sync() {
      pass('sync');
      await handle.sync();
    },
    async close() {
      // The descriptor is closed in any case: a test must not leak it.
      await handle.close();
      pass('close');
    },
  });
  return {
    calls,
    async open(path, flags) {
      pass(`open ${flags}`);
      return wrap(await base.open(path, flags));
    },
    async mkdir(path, recursive) {
      pass('mkdir');
      await base.mkdir(path, recursive);
    },
    async rename(from, to) {
      pass('rename');
      await base.rename(from, to);
    },
    async remove(path) {
      pass('remove');
      await base.remove(path);
    },
    async list(path) {
      pass('list');
      return base.list(path);
    },
    async freeBytes(path) {
      pass('statfs');
      return base.freeBytes(path);
    },
    async modifiedMs(path) {
      pass('stat');
      return base.modifiedMs(path);
    },
  };
}
