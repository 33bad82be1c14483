import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';

/** `dawngrad bench`: what is measured on the user's own adapter. */
export function addBenchCommand(program: Command, context: CommandContext): void {
  const bench = program.command('bench').description('measure kernels on this machine: bench tune').helpCommand(false);
  bench
    .command('tune')
    .description('time every way to run a matmul on this adapter, and say which wins by how much')
    .option('--shape <MxNxK:layout...>', 'shapes to tune for, such as 512x512x64:nt; default: a set of common ones')
    .option('--quick', 'two shapes and few rounds, for a look')
    .option('--any-order', 'also ways whose results differ in the last bits: split sums, subgroup matrices')
    .option('--save', 'keep the picks: train, evaluate and demo use them from then on')
    .option('--json <file>', 'write all times to a file')
    .addHelpText(
      'after',
      '\nPicks change the speed and, without --any-order, no bit of any result.\n\nExample:\n  $ dawngrad bench tune --shape 1024x256x64:nt --save',
    )
    .action(async (options: Record<string, unknown>) => {
      const { runTune } = await import('../tuning/run-tune.ts');
      await runTune(options, context);
    });
}
