import { spawn } from 'node:child_process';
import type { CommandContext } from '../commands/command-context.ts';
import { startWatch, type WatchOptions } from './watch-server.ts';

export interface WatchCommandOptions extends WatchOptions {
  readonly open: 'yes' | 'no';
}

/** Serves the report of some folders until it is interrupted. */
export async function runWatch(
  paths: readonly string[],
  { open, ...options }: WatchCommandOptions,
  { out }: Pick<CommandContext, 'out'>,
): Promise<void> {
  const interrupted = nextInterrupt();
  const server = await startWatch(paths, options);
  out(`${server.url}  (Ctrl-C ends)\n`);
  if (open === 'yes') openInBrowser(server.url);
  await interrupted;
  await server.close();
}

function nextInterrupt(): Promise<void> {
  return new Promise((resolve) => {
    const signals = ['SIGINT', 'SIGTERM'] as const;
    const listener = (): void => {
      for (const signal of signals) process.off(signal, listener);
      resolve();
    };
    for (const signal of signals) process.on(signal, listener);
  });
}

/** Asks the desktop to show a page, where there is one; the address is printed in any case. */
function openInBrowser(url: string): void {
  const { platform, env } = process;
  if (platform === 'linux' && !env.DISPLAY && !env.WAYLAND_DISPLAY) return;
  const command = { darwin: ['open'], win32: ['cmd', '/c', 'start', ''] }[platform as string] ?? ['xdg-open'];
  const child = spawn(command[0]!, [...command.slice(1), url], { stdio: 'ignore', detached: true });
  child.on('error', () => undefined);
  child.unref();
}
