import { createInterface } from 'node:readline';
import type { CommandContext } from '../commands/command-context.ts';

/** Where the messages of a chat come from. */
export interface ChatInput {
  /** The next line; undefined at the end of the input, or after Ctrl-C. */
  nextLine(): Promise<string | undefined>;
  /** Until it is disposed, the first Ctrl-C asks for a stop and the second one ends the process. */
  listenForStop(): Disposable & { readonly isRequested: boolean };
  /** Says something that is no answer. */
  note(text: string): void;
  /** What to exit with: 130 where Ctrl-C ended the chat. */
  readonly exitCode: number;
  [Symbol.dispose](): void;
}

const INTERRUPTED = 130;

/**
 * Lines of a stream. On a terminal they are asked for with a prompt, which stays out of the way of pipes: it goes
 * where notes go.
 */
export function terminalInput(
  { err }: Pick<CommandContext, 'err'>,
  stream: NodeJS.ReadableStream & { readonly isTTY?: boolean } = process.stdin,
): ChatInput {
  const isTerminal = stream.isTTY === true;
  const lines: string[] = [];
  let waiting: ((line: string | undefined) => void) | undefined;
  let isEnded = false;
  let isStopRequested: (() => void) | undefined;
  let exitCode = 0;
  const reader = createInterface({
    input: stream,
    ...(isTerminal ? { output: process.stderr } : {}),
    terminal: isTerminal,
  });
  const give = (line: string | undefined): void => {
    const take = waiting;
    waiting = undefined;
    if (take !== undefined) take(line);
    else if (line !== undefined) lines.push(line);
  };
  reader.on('line', give);
  reader.on('close', () => {
    isEnded = true;
    give(undefined);
  });
  // On a terminal readline takes Ctrl-C as a key; else it comes as a signal.
  const interrupt = (): void => {
    if (isStopRequested !== undefined) {
      isStopRequested();
      return;
    }
    exitCode = INTERRUPTED;
    err('\n');
    reader.close();
  };
  reader.on('SIGINT', interrupt);
  process.on('SIGINT', interrupt);
  return {
    nextLine: () => {
      if (lines.length > 0) return Promise.resolve(lines.shift());
      if (isEnded) return Promise.resolve(undefined);
      if (isTerminal) {
        reader.setPrompt('> ');
        reader.prompt();
      }
      return new Promise((resolve) => {
        waiting = resolve;
      });
    },
    listenForStop: () => {
      let isRequested = false;
      isStopRequested = () => {
        if (isRequested) process.exit(INTERRUPTED);
        isRequested = true;
      };
      return {
        get isRequested() {
          return isRequested;
        },
        [Symbol.dispose]: () => {
          isStopRequested = undefined;
        },
      };
    },
    note: (text) => {
      if (isTerminal) err(text);
    },
    get exitCode() {
      return exitCode;
    },
    [Symbol.dispose]: () => {
      process.off('SIGINT', interrupt);
      reader.close();
    },
  };
}
