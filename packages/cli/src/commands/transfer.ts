import type { Command } from 'commander';
import { integerOption } from '../generation/number-option.ts';
import type { TransferRunOptions } from '../transfer/run-transfer.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad transfer`. */
export function addTransferCommand(program: Command, context: CommandContext): void {
  program
    .command('transfer')
    .description('what critics of one domain and backbone gain on the samples of policies of another')
    .argument('<rows...>', 'rows or folders of `dawngrad evaluate`, one a cell; LABEL=PATH where the name is no label')
    .option('--output-dir <folder>', 'for transfer.json, .md, .tex and .csv')
    .option('--best-of <n>', 'samples that the critic chooses from', integerOption(1), 16)
    .option('--selector <name>', 'token scores to one score, as in evaluate', 'discounted-mean')
    .option('--domains <names...>', 'domains of the matrix, in order; default: those of the rows')
    .option('--critics <names...>', 'critics as {arch}_{variant}, in order; default: those of the rows')
    .option('--resamples <n>', 'bootstrap resamples of prompts', integerOption(100), 1000)
    .option('--seed <n>', 'of the bootstrap', integerOption(0), 42)
    .option('--json', 'print transfer.json')
    .addHelpText(
      'after',
      `
A label is transfer_{arch}_{variant}_P_{policy domain}_R_{reward domain}_t0p5. Cells that no file has are listed.

Example:
  $ dawngrad transfer runs/transfer_* --output-dir runs/transfer`,
    )
    .action(async (inputs: string[], options: TransferRunOptions) => {
      const { runTransfer } = await import('../transfer/run-transfer.ts');
      await runTransfer(inputs, options, context);
    });
}
