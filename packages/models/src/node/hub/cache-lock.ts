import { mkdir, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { fsErrorCode, withIoErrors } from '../io-error.ts';

const LOOK_EVERY_MS = 200;
const BEAT_EVERY_MS = 5000;
/** A lock whose holder has not shown itself for this long is left over. */
const STALE_AFTER_MS = 30_000;

export interface CacheLockOptions {
  readonly signal: AbortSignal;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Told once, where somebody else holds the lock. */
  readonly onWait: (holder: string) => void;
}

/**
 * Runs `work` while no other process of dawngrad runs its own with the same file, so that nothing is downloaded twice.
 * It saves time rather than making anything safe: files get their names only when they are whole, and two processes
 * that write one file write the same bytes. So a lock may be taken over from a holder that seems gone.
 */
export async function withCacheLock<T>(path: string, options: CacheLockOptions, work: () => Promise<T>): Promise<T> {
  const { signal, sleep, onWait } = options;
  await withIoErrors(dirname(path), () => mkdir(dirname(path), { recursive: true }));
  for (let hasTold = false; !(await withIoErrors(path, () => take(path))); ) {
    signal.throwIfAborted();
    const holder = await withIoErrors(path, () => lookAt(path));
    if (holder === 'none') continue;
    if (holder === 'stale') {
      await withIoErrors(path, () => rm(path, { force: true }));
      continue;
    }
    if (!hasTold) onWait(holder);
    hasTold = true;
    await sleep(LOOK_EVERY_MS, signal);
  }
  const beat = setInterval(() => {
    const now = new Date();
    // A lock that is gone was taken over, which does no harm.
    utimes(path, now, now).catch(() => undefined);
  }, BEAT_EVERY_MS);
  beat.unref();
  try {
    return await work();
  } finally {
    clearInterval(beat);
    await rm(path, { force: true });
  }
}

async function take(path: string): Promise<boolean> {
  try {
    const handle = await open(path, 'wx');
    await handle.writeFile(JSON.stringify({ pid: process.pid, host: hostname() })).finally(() => handle.close());
    return true;
  } catch (error) {
    if (fsErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** Who holds the lock, in words. */
async function lookAt(path: string): Promise<string> {
  let text: string;
  let beatMs: number;
  try {
    beatMs = (await stat(path)).mtimeMs;
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (fsErrorCode(error) === 'ENOENT') return 'none';
    throw error;
  }
  if (Date.now() - beatMs > STALE_AFTER_MS) return 'stale';
  const [, pid, host] = /^\{"pid":(\d+),"host":"([^"\\]*)"\}$/.exec(text) ?? [];
  if (pid === undefined) return 'another process';
  if (host === hostname() && !isAlive(Number(pid), beatMs)) return 'stale';
  return `process ${pid} on ${host}`;
}

function isAlive(pid: number, beatMs: number): boolean {
  // In a container every run may have the same process id: what is older than this process is not its own.
  if (pid === process.pid) return beatMs >= performance.timeOrigin;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it lives and belongs to somebody else.
    return fsErrorCode(error) === 'EPERM';
  }
}
