import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Runs `work` while no other process of this user holds the same lock. The lock is a folder (`mkdir` either makes it
 * or fails, on every file system) that names its holder; the lock of a process that no longer lives is taken over.
 *
 * @template T
 * @param {string} path the lock folder, made and removed here
 * @param {() => Promise<T> | T} work
 * @param {{ onWait?: (pid: number) => void, pollMs?: number }} [options]
 * @returns {Promise<T>}
 */
export async function withFolderLock(path, work, options = {}) {
  let announced = false;
  let strangeSince = 0;
  for (;;) {
    try {
      mkdirSync(path);
      writeFileSync(`${path}/pid`, String(process.pid));
      break;
    } catch (error) {
      if (/** @type {NodeJS.ErrnoException} */ (error).code !== 'EEXIST') throw error;
    }
    const holder = holderOf(path);
    // A lock without a pid is being made this moment, unless it stays that way.
    if (holder === undefined) strangeSince ||= Date.now();
    const abandoned = holder === undefined ? Date.now() - strangeSince > 5000 : !isAlive(holder);
    if (abandoned) {
      // The rename decides which of several waiters removes it: only one can move the folder away.
      const trash = `${path}.stale-${process.pid}-${Date.now()}`;
      try {
        renameSync(path, trash);
        rmSync(trash, { recursive: true, force: true });
      } catch {
        // Another waiter was first.
      }
      strangeSince = 0;
      continue;
    }
    if (!announced && holder !== undefined) {
      announced = true;
      options.onWait?.(holder);
    }
    await sleep(options.pollMs ?? 300);
  }
  try {
    return await work();
  } finally {
    rmSync(path, { recursive: true, force: true });
  }
}

/** @param {string} path */
function holderOf(path) {
  try {
    const pid = Number(readFileSync(`${path}/pid`, 'utf8'));
    return Number.isInteger(pid) && pid > 0 ? pid : undefined;
  } catch {
    return undefined;
  }
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return /** @type {NodeJS.ErrnoException} */ (error).code === 'EPERM';
  }
}
