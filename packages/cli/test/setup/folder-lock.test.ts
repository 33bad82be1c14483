import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { withFolderLock } from '../../setup/folder-lock.mjs';

const MODULE = new URL('../../setup/folder-lock.mjs', import.meta.url).href;

describe('withFolderLock', () => {
  let folder = '';
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'dawngrad-lock-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('lets one process at a time in', async () => {
    const log = join(folder, 'log');
    writeFileSync(log, '');
    const script = `
      import { appendFileSync } from 'node:fs';
      import { withFolderLock } from ${JSON.stringify(MODULE)};
      await withFolderLock(${JSON.stringify(join(folder, 'lock'))}, async () => {
        appendFileSync(${JSON.stringify(log)}, 'in\\n');
        await new Promise((resolve) => setTimeout(resolve, 60));
        appendFileSync(${JSON.stringify(log)}, 'out\\n');
      }, { pollMs: 5 });`;
    const run = () =>
      new Promise((resolve) => {
        spawn(process.execPath, ['--input-type=module', '-e', script]).on('close', resolve);
      });
    expect(await Promise.all([run(), run(), run()])).toEqual([0, 0, 0]);
    expect(readFileSync(log, 'utf8')).toBe('in\nout\n'.repeat(3));
    expect(existsSync(join(folder, 'lock'))).toBe(false);
  });

  it('takes over the lock of a process that no longer lives', async () => {
    const dead = spawnSync(process.execPath, ['-e', '']).pid;
    mkdirSync(join(folder, 'lock'));
    writeFileSync(join(folder, 'lock/pid'), String(dead));
    expect(await withFolderLock(join(folder, 'lock'), () => 'done', { pollMs: 5 })).toBe('done');
  });

  it('gives the lock back when the work fails', async () => {
    const work = () => Promise.reject(new Error('no space left'));
    await expect(withFolderLock(join(folder, 'lock'), work)).rejects.toThrow('no space left');
    expect(existsSync(join(folder, 'lock'))).toBe(false);
  });

  it('tells whom it waits for', async () => {
    mkdirSync(join(folder, 'lock'));
    writeFileSync(join(folder, 'lock/pid'), String(process.pid));
    const waited: number[] = [];
    const onWait = (pid: number) => {
      waited.push(pid);
      rmSync(join(folder, 'lock'), { recursive: true });
    };
    await withFolderLock(join(folder, 'lock'), () => undefined, { onWait, pollMs: 5 });
    expect(waited).toEqual([process.pid]);
  });
});
