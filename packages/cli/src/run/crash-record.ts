import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ToolError } from '@dawngrad/tensor';

/** Left in the folder of a run by an error that ended it. */
export const CRASH = 'crash.json';

/** The folder of the run that this process is at, if any: an error that escapes every `await` knows no other way. */
let folder: string | undefined;

/** From here until disposed, an error that ends the process is recorded in the folder of the run. */
export function recordCrashesIn(directory: string): Disposable {
  folder = directory;
  // Of an earlier start, which this one goes on from.
  rmSync(join(directory, CRASH), { force: true });
  return {
    [Symbol.dispose]() {
      folder = undefined;
    },
  };
}

/** Writes crash.json, if this process is at a run and the error is not one of the user's own making. */
export function recordCrash(error: unknown): void {
  if (folder === undefined) return;
  if (error instanceof ToolError && (error.code === 'config' || error.code === 'usage')) return;
  const { name, message, stack } = error instanceof Error ? error : new Error(String(error));
  const record = {
    schema: 1,
    at: new Date().toISOString(),
    pid: process.pid,
    argv: process.argv.slice(2),
    error: { name, code: error instanceof ToolError ? error.code : null, message, stack: stack ?? null },
  };
  try {
    writeFileSync(join(folder, CRASH), `${JSON.stringify(record, null, 2)}\n`);
  } catch {
    // The disk may be what is wrong; the message on the terminal says so.
  }
}
