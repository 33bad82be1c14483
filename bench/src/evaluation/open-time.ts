import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as wait } from 'node:timers/promises';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];
const LIMIT_MS = 30_000;

/** An installed Chromium, or one that DAWNGRAD_CHROMIUM names. */
export function findChromium(): string | undefined {
  const { DAWNGRAD_CHROMIUM, PATH = '' } = process.env;
  if (DAWNGRAD_CHROMIUM) return DAWNGRAD_CHROMIUM;
  const folders = PATH.split(delimiter).filter((folder) => folder !== '');
  return folders.flatMap((folder) => NAMES.map((name) => join(folder, name))).find((path) => existsSync(path));
}

/** Milliseconds from the start of the navigation to a report page until it is drawn, in a fresh headless Chromium. */
export async function openTime(chromium: string, url: string): Promise<number> {
  const profile = mkdtempSync(join(tmpdir(), 'dawngrad-bench-chromium-'));
  const flags = ['--headless=new', '--no-sandbox', '--no-first-run', '--disable-gpu', '--disable-dev-shm-usage'];
  const child = spawn(chromium, [...flags, '--remote-debugging-pipe', `--user-data-dir=${profile}`], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()));
  try {
    const send = sender(child);
    const { targetId } = await send('Target.createTarget', { url });
    const { sessionId } = await send('Target.attachToTarget', { targetId, flatten: true });
    const expression = 'Number(document.documentElement?.dataset.drawn ?? NaN)';
    for (const start = performance.now(); performance.now() - start < LIMIT_MS; await wait(20)) {
      const answer = await send('Runtime.evaluate', { expression }, sessionId as string);
      const { value } = answer.result as { value?: number };
      if (typeof value === 'number') return value;
    }
    throw new Error(`${url} was not drawn within ${LIMIT_MS / 1000} s`);
  } finally {
    // Its helpers are in its process group.
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 5 });
  }
}

type Send = (method: string, params: object, sessionId?: string) => Promise<Record<string, unknown>>;

/** Speaks the debugging protocol over Chromium's pipe: JSON, each message ended by a zero byte. */
function sender(child: ChildProcess): Send {
  const waiting = new Map<number, (result: Record<string, unknown>) => void>();
  let rest = '';
  (child.stdio[4] as Readable).setEncoding('utf8').on('data', (part: string) => {
    const messages = (rest + part).split('\0');
    rest = messages.pop() ?? '';
    for (const message of messages) {
      const { id, result } = JSON.parse(message) as { id?: number; result?: Record<string, unknown> };
      if (id !== undefined) waiting.get(id)?.(result ?? {});
    }
  });
  let next = 1;
  return (method, params, sessionId) => {
    const id = next++;
    const session = sessionId === undefined ? {} : { sessionId };
    (child.stdio[3] as Writable).write(`${JSON.stringify({ id, method, params, ...session })}\0`);
    return new Promise((resolve) => waiting.set(id, resolve));
  };
}
