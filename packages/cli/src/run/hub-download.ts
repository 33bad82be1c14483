import type { HubOptions } from '@dawngrad/models/node';
import { StoppedError } from '../stopped-error.ts';
import { Progress } from '../ui/progress.ts';

export interface HubDownloadOptions {
  /** Prints progress and notes; the standard error stream unless given. */
  readonly err?: (text: string) => void;
}

export const printError = (text: string): void => void process.stderr.write(text);

/**
 * Runs a download from the hub with the process's environment, a progress line, and signals: SIGINT and SIGTERM end it
 * with a StoppedError, after which the same command goes on where it was; a second one ends the process at once.
 */
export async function hubDownload<T>(
  { err = printError }: HubDownloadOptions,
  work: (options: HubOptions, progress: Progress) => Promise<T>,
): Promise<T> {
  const isTerminal = process.stderr.isTTY === true;
  const progress = new Progress({ write: err, isTerminal, nowMs: () => performance.now() });
  const stop = new AbortController();
  using _signals = onStop((error) => stop.abort(error));
  const options: HubOptions = {
    env: process.env,
    signal: stop.signal,
    onNote: (text) => progress.note(text),
    onProgress: ({ doneBytes, totalBytes, file }) => progress.bytes('get', doneBytes, totalBytes, file),
  };
  try {
    return await work(options, progress);
  } finally {
    progress.close();
  }
}

/** Calls `act` on the first SIGINT or SIGTERM. */
function onStop(act: (error: StoppedError) => void): Disposable {
  const codes = { SIGINT: 130, SIGTERM: 143 } as const;
  let isAsked = false;
  const listener = (signal: NodeJS.Signals): void => {
    const code = codes[signal as keyof typeof codes];
    if (isAsked) process.exit(code);
    isAsked = true;
    act(
      new StoppedError(`${signal}: the download stopped. What came stays: the same command goes on from there.`, code),
    );
  };
  for (const signal of Object.keys(codes)) process.on(signal, listener);
  return {
    [Symbol.dispose]() {
      for (const signal of Object.keys(codes)) process.off(signal, listener);
    },
  };
}
