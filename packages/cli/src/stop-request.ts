/** How a run is asked to end before its time. */
export interface StopRequest {
  /** True from the first signal on: finish the step, save, return. */
  readonly isRequested: boolean;
  /** What to exit with after that: 130 for SIGINT, 143 for SIGTERM, 0 while nothing was asked. */
  readonly exitCode: number;
  [Symbol.dispose](): void;
}

const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;
type StopSignal = keyof typeof EXIT_CODES;

interface StopOptions {
  /**
   * Seconds after SIGTERM in which the run must have saved and ended; then it ends without. A scheduler that sends
   * SIGTERM sends SIGKILL some time later. Absent: as long as it takes.
   */
  readonly graceS?: number;
}

/**
 * Listens for SIGINT and SIGTERM until disposed. The first one asks for a stop; a second one ends the
 * process at once, without saving. A closed terminal (SIGHUP) does not end a run.
 *
 * @param notice told once, in words for the user
 */
export function listenForStop(notice: (text: string) => void, { graceS }: StopOptions = {}): StopRequest {
  let exitCode = 0;
  let grace: NodeJS.Timeout | undefined;
  const listener = (signal: NodeJS.Signals): void => {
    const code = EXIT_CODES[signal as StopSignal];
    if (exitCode !== 0) process.exit(code);
    exitCode = code;
    const limit = signal === 'SIGTERM' ? graceS : undefined;
    const within = limit === undefined ? '' : ` within ${limit} s`;
    notice(`${signal}: finishing this step and saving${within}; once more ends without saving.`);
    if (limit === undefined) return;
    grace = setTimeout(() => {
      notice(`${signal}: ${limit} s are over; ending without saving, the last checkpoint stands.`);
      process.exit(code);
    }, 1000 * limit);
    // It must not keep a process alive that is done sooner.
    grace.unref();
  };
  const ignore = (): void => undefined;
  for (const signal of Object.keys(EXIT_CODES)) process.on(signal, listener);
  process.on('SIGHUP', ignore);
  return {
    get isRequested() {
      return exitCode !== 0;
    },
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]() {
      clearTimeout(grace);
      for (const signal of Object.keys(EXIT_CODES)) process.off(signal, listener);
      process.off('SIGHUP', ignore);
    },
  };
}
