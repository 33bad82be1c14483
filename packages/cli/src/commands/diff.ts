import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** `dawngrad diff`. */
export function addDiffCommand(program: Command, context: CommandContext): void {
  program
    .command('diff')
    .description('tell in what two runs differ: configuration, inputs, environment, metrics at the same steps')
    .argument('<run>', 'folder of a run')
    .argument('<other>', 'folder of another')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Metrics are compared at the last step that both have, with the first step at which they part. Exit code 0 whether or not
they differ. No GPU is used.

Example:
  $ dawngrad diff runs/irl-seed1 runs/irl-seed2`,
    )
    .action(async (run: string, other: string, options: { readonly json?: boolean }) => {
      const { runDiff } = await import('../diff/run-diff.ts');
      runDiff([run, other], options, context);
    });
}
