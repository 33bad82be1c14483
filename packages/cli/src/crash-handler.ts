import type { CommandContext } from './commands/command-context.ts';
import type { ErrorMessageOptions } from './error-message.ts';

/**
 * Ends the process with a message and the right code when an error escapes every `await`, such as the loss
 * of the device between two steps, and leaves crash.json where a run was at work. Nothing runs after that: the state can
 * no longer be trusted.
 */
export function exitOnCrash(print: Pick<CommandContext, 'err'>, options: ErrorMessageOptions): void {
  const crash = async (error: unknown): Promise<void> => {
    const [{ recordCrash }, { errorMessage }, { exitCodeOf }] = await Promise.all([
      import('./run/crash-record.ts'),
      import('./error-message.ts'),
      import('./exit-code.ts'),
    ]);
    recordCrash(error);
    print.err(`${errorMessage(error, options)}\n`);
    process.exit(exitCodeOf(error));
  };
  process.on('uncaughtException', (error) => void crash(error));
  process.on('unhandledRejection', (reason) => void crash(reason));
}
