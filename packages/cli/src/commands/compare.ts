import type { Command } from 'commander';
import type { CompareOptions } from '../compare/run-compare.ts';
import { integerOption } from '../generation/number-option.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad compare`. */
export function addCompareCommand(program: Command, context: CommandContext): void {
  program
    .command('compare')
    .description('put evaluations of the same prompts side by side, with paired differences from the first')
    .argument('<evaluations...>', 'two or more folders of evaluations, or files of evaluated rows')
    .option('--best-of <n>', 'samples to choose from; default: as many as all of them have', integerOption(1))
    .option('--seed <n>', 'of the bootstrap', integerOption(0), 42)
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Evaluations of other prompts than the first are refused. Intervals are 95 %, by bootstrap over prompts; p-values are of
a sign-flip test of the paired differences, two-sided, not corrected for several comparisons. No GPU is used.
\`dawngrad analyse\` prints all numbers of one.

Example:
  $ dawngrad compare runs/sft-test runs/grpo-test runs/irl-test`,
    )
    .action(async (evaluations: string[], options: CompareOptions) => {
      const { runCompare } = await import('../compare/run-compare.ts');
      await runCompare(evaluations, options, context);
    });
}
