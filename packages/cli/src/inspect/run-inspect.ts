import type { CommandContext } from '../commands/command-context.ts';
import { modelFolder } from '../run/model-folder.ts';
import { Progress } from '../ui/progress.ts';
import { terminalWidth } from '../ui/terminal-width.ts';
import { inspectPath } from './inspect-path.ts';
import { inspectionText } from './inspection-text.ts';

export interface RunInspectOptions {
  readonly base?: string;
  readonly quick?: boolean;
  readonly all?: boolean;
  readonly json?: boolean;
}

/** Files below this are read before one could read a line about it. */
const WORTH_A_LINE_BYTES = 256e6;

/** Verifies and prints what a name means: a file, a directory, the newest checkpoint of a run, a model on the hub. */
export async function runInspect(
  name: string,
  options: RunInspectOptions,
  { out, err }: CommandContext,
): Promise<void> {
  const progress = new Progress({
    write: err,
    isTerminal: process.stderr.isTTY === true,
    nowMs: () => performance.now(),
  });
  try {
    const inspection = await inspectPath(await modelFolder(name), {
      isQuick: options.quick === true,
      ...(options.base === undefined ? {} : { base: await modelFolder(options.base) }),
      onBytes: (done, total, item) => {
        if (total >= WORTH_A_LINE_BYTES) progress.bytes('read', done, total, item);
      },
    });
    progress.close();
    const width = terminalWidth();
    if (options.json === true) out(`${JSON.stringify(inspection, null, 2)}\n`);
    else out(inspectionText(inspection, { width, isLong: options.all === true }));
  } finally {
    progress.close();
  }
}
