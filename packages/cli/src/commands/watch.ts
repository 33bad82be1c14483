import { type Command, Option } from 'commander';
import { integerOption } from '../generation/number-option.ts';
import type { WatchCommandOptions } from '../watch/run-watch.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad watch`. */
export function addWatchCommand(program: Command, context: CommandContext): void {
  program
    .command('watch')
    .description('show the report of runs in a browser, and follow them while they go on')
    .argument('<runs...>', 'as for dawngrad report')
    .option('--port <n>', 'port on this machine; 0 takes any', integerOption(0), 0)
    .addOption(new Option('--open <yes|no>', 'show it in the browser').choices(['yes', 'no']).default('yes'))
    .option('--title <text>', 'title of the page')
    .option('--completions <n>', 'completions that the page holds at most', integerOption(0), 20_000)
    .addHelpText(
      'after',
      `
The page is served to this machine alone, and follows the files of the runs: filters, zoom and place stay when newer
numbers come. Nothing is written. Ctrl-C ends it with exit code 0. No GPU is used.

Example:
  $ dawngrad watch runs/irl
  $ dawngrad watch runs/irl-seed1 runs/irl-seed2 --port 8080 --open no`,
    )
    .action(async (runs: string[], options: WatchCommandOptions) => {
      const { runWatch } = await import('../watch/run-watch.ts');
      await runWatch(runs, options, context);
    });
}
