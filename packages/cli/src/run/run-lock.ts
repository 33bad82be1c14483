import {
  closeSync,
  constants,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';

const LOCK = 'lock';
const TAKEOVER = 'lock.takeover';

/** The process that holds a run directory. */
interface Holder {
  readonly pid: number;
  /** Tells a process from a later one with the same number. */
  readonly started: string;
  readonly host: string;
}

/** Sole use of a run directory, until disposed. */
export interface RunLock {
  [Symbol.dispose](): void;
}

/** Whether a process that still runs holds a run directory. */
export function isRunLocked(directory: string): boolean {
  const holder = readHolder(join(directory, LOCK));
  return typeof holder === 'object' && isAlive(holder);
}

/** The number of the process on this machine that holds a directory; undefined where none does. */
export function lockHolder(directory: string): number | undefined {
  const holder = readHolder(join(directory, LOCK));
  return typeof holder === 'object' && holder.host === hostname() && isAlive(holder) ? holder.pid : undefined;
}

/**
 * Takes a run directory for this process. A lock whose process is gone is taken over. Throws ToolError
 * 'config' while another process holds it.
 */
export function lockRun(directory: string): RunLock {
  const path = join(directory, LOCK);
  const own = join(directory, `${LOCK}.${process.pid}`);
  const text = JSON.stringify({
    pid: process.pid,
    started: startOf(process.pid) ?? '',
    host: hostname(),
  } satisfies Holder);
  // The lock appears under its name complete: written aside, then linked, which fails where one is there.
  writeWhole(own, text);
  try {
    if (!linkNew(own, path)) takeOver(directory, own, path);
  } finally {
    rmSync(own, { force: true });
  }
  return {
    [Symbol.dispose]() {
      const holder = readHolder(path);
      if (typeof holder === 'object' && holder.pid === process.pid) rmSync(path, { force: true });
    },
  };
}

/**
 * Replaces a stale lock. The takeover file lets one process at a time look and replace; so a lock that is
 * there and stale stays so, while one that is not there may appear at any moment.
 */
function takeOver(directory: string, own: string, path: string): void {
  const takeover = join(directory, TAKEOVER);
  if (!linkNew(own, takeover)) {
    clearStaleTakeover(directory, own, takeover);
    if (!linkNew(own, takeover)) throw busy(directory, TAKEOVER, readHolder(takeover));
  }
  try {
    const holder = readHolder(path);
    if (holder !== 'none' && holder !== 'unreadable' && isAlive(holder)) throw busy(directory, LOCK, holder);
    if (holder === 'none') {
      if (!linkNew(own, path)) throw busy(directory, LOCK, readHolder(path));
    } else {
      const fresh = `${own}.fresh`;
      linkSync(own, fresh);
      renameSync(fresh, path);
    }
  } finally {
    rmSync(takeover, { force: true });
  }
}

/** A process may have died in the middle of a takeover. What is moved aside and proves to be alive goes back. */
function clearStaleTakeover(directory: string, own: string, takeover: string): void {
  const isStale = (holder: ReturnType<typeof readHolder>): boolean => typeof holder === 'object' && !isAlive(holder);
  if (!isStale(readHolder(takeover))) return;
  const aside = `${own}.takeover`;
  try {
    renameSync(takeover, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  try {
    const holder = readHolder(aside);
    if (isStale(holder)) return;
    linkNew(aside, takeover);
    throw busy(directory, TAKEOVER, holder);
  } finally {
    rmSync(aside, { force: true });
  }
}

function busy(directory: string, file: string, holder: Holder | 'none' | 'unreadable'): ToolError {
  const who = typeof holder === 'string' ? 'another process' : `process ${holder.pid} on ${holder.host}`;
  return new ToolError('config', {
    op: directory,
    expected: 'a run directory that nobody else uses',
    got: `one that ${who} holds`,
    hint: `wait for it, choose another run.dir, or remove ${join(directory, file)} if that process is gone.`,
  });
}

/** Whether a holder still runs; one on another machine counts as running. */
function isAlive(holder: Holder): boolean {
  if (holder.host !== hostname()) return true;
  const started = startOf(holder.pid);
  return started !== undefined && (holder.started === '' || started === holder.started);
}

/** When a process started, in the system's own ticks; '' where the system does not tell; undefined if there is none. */
function startOf(pid: number): string | undefined {
  try {
    // The name in the second field may hold spaces and brackets; the fields after it are plain. 22 is starttime.
    const status = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return status.slice(status.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    // No such process, or no /proc.
  }
  try {
    process.kill(pid, 0);
    return '';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? '' : undefined;
  }
}

function readHolder(path: string): Holder | 'none' | 'unreadable' {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return 'none';
    throw error;
  }
  try {
    const { pid, started, host }: Partial<Record<keyof Holder, unknown>> = JSON.parse(text) ?? {};
    if (!Number.isInteger(pid) || typeof started !== 'string' || typeof host !== 'string') return 'unreadable';
    return { pid: pid as number, started, host };
  } catch {
    // Not JSON: not a lock of ours, which appear complete.
    return 'unreadable';
  }
}

function linkNew(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

function writeWhole(path: string, text: string): void {
  rmSync(path, { force: true });
  const file = openSync(path, constants.O_CREAT | constants.O_EXCL | constants.O_WRONLY | constants.O_NOFOLLOW, 0o644);
  try {
    writeSync(file, text);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
