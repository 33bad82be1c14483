import { existsSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { withCacheLock } from '../../../src/node/hub/cache-lock.ts';
import { sleep } from '../../../src/node/hub/retry-budget.ts';
import { temporaryFolder } from '../temporary-folder.ts';

const quiet = { signal: new AbortController().signal, sleep, onWait: () => undefined };

describe('withCacheLock', () => {
  it('lets one at a time through, and the next when one has failed', async () => {
    const path = join(temporaryFolder(), 'a', 'lock');
    let inside = 0;
    let most = 0;
    const work = (i: number) =>
      withCacheLock(path, quiet, async () => {
        inside += 1;
        most = Math.max(most, inside);
        expect(JSON.parse(readFileSync(path, 'utf8'))).toEqual({ pid: process.pid, host: hostname() });
        await new Promise((resolve) => setTimeout(resolve, 5));
        inside -= 1;
        if (i === 1) throw new Error('failed');
        return i;
      });
    const results = await Promise.allSettled([0, 1, 2].map(work));
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(most).toBe(1);
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    ['whose process is gone', { pid: 2 ** 31 - 1, host: hostname() }, 0],
    ['of a process with the same number, before this one', { pid: process.pid, host: hostname() }, 20_000],
    ['of another machine that has been silent', { pid: 1, host: 'elsewhere' }, 60],
  ])('takes over a lock %s', async (_, holder, secondsAgo) => {
    const path = join(temporaryFolder(), 'lock');
    writeFileSync(path, JSON.stringify(holder));
    const at = Date.now() / 1000 - secondsAgo;
    utimesSync(path, at, at);
    expect(await withCacheLock(path, quiet, async () => 'done')).toBe('done');
  });

  it.each([
    [
      'a living process',
      JSON.stringify({ pid: process.ppid, host: hostname() }),
      `process ${process.ppid} on ${hostname()}`,
    ],
    ['another machine', JSON.stringify({ pid: 1, host: 'elsewhere' }), 'process 1 on elsewhere'],
    ['a process that is just writing it', '', 'another process'],
  ])('waits for %s, says so once, and can be stopped', async (_, text, holder) => {
    const path = join(temporaryFolder(), 'lock');
    writeFileSync(path, text);
    const stop = new AbortController();
    const told: string[] = [];
    let looks = 0;
    const options = {
      signal: stop.signal,
      onWait: (name: string) => told.push(name),
      sleep: async () => {
        looks += 1;
        if (looks === 3) stop.abort(new Error('stopped'));
      },
    };
    await expect(withCacheLock(path, options, async () => undefined)).rejects.toThrow('stopped');
    expect(told).toEqual([holder]);
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
});
