import { type Command, Option } from 'commander';
import { integerOption } from '../generation/number-option.ts';
import type { SamplesOptions } from '../samples/run-samples.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad samples`. */
export function addSamplesCommand(program: Command, context: CommandContext): void {
  program
    .command('samples')
    .description('read completions of a run or an evaluation, with the reward of each token')
    .argument('<run>', 'folder of a run, or a file of samples or of evaluated rows')
    .option('--step <n>', 'of this step or round; default: the last that has samples', integerOption(0))
    .option('--correct', 'right ones only')
    .option('--wrong', 'wrong ones only')
    .addOption(
      new Option('--sort <by>', 'order: of the file, highest reward first (reward), lowest first (-reward)')
        .choices(['file', 'reward', '-reward'])
        .default('file'),
    )
    .option('-n, --count <n>', 'at most so many', integerOption(1), 5)
    .option('--json', 'print the rows as JSON lines')
    .addHelpText(
      'after',
      `
In a terminal the tokens' background goes from red (least reward among those shown) to green (most); in a pipe, or with
NO_COLOR, the text is plain. Characters that do not print are shown as escapes. No GPU is used.

Example:
  $ dawngrad samples runs/irl --wrong --sort reward      wrong ones that the critic likes best
  $ dawngrad samples runs/eval -n 2 --json`,
    )
    .action(async (run: string, options: SamplesOptions) => {
      const { runSamples } = await import('../samples/run-samples.ts');
      await runSamples(run, options, context);
    });
}
