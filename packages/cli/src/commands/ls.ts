import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** `dawngrad ls`. */
export function addLsCommand(program: Command, context: CommandContext): void {
  program
    .command('ls')
    .description('list the runs below a folder: what they are, how far they are, how good')
    .argument('[folder]', 'where to look', '.')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
A run is a folder with config.lock.json; folders are searched four levels deep. The newest run comes last. Accuracy is
the best on the dev rows; the reward is that of the last round. Nothing is written, and no GPU is used.

Example:
  $ dawngrad ls runs
  $ dawngrad ls --json | head`,
    )
    .action(async (folder: string, options: { readonly json?: boolean }) => {
      const { runLs } = await import('../ls/run-ls.ts');
      runLs(folder, options, context);
    });
}
