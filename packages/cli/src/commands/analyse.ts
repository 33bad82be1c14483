import { type Command, InvalidArgumentError } from 'commander';
import type { AnalysisOptions } from '../evaluation/run-analysis.ts';
import { integerOption } from '../generation/number-option.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad analyse`. */
export function addAnalyseCommand(program: Command, context: CommandContext): void {
  program
    .command('analyse')
    .description('tables of evaluated rows, of this program or of the reference code')
    .argument('<files...>', 'rows in JSONL; several files are compared with the first')
    .option('--seeds', 'the files are runs of several training seeds: pass@1 over all of them')
    .option('--join <file>', 'take missing scores and log-probabilities from another file of the same completions')
    .option('--calibration <file>', 'rows of dev prompts to fit temperature and isotonic scaling on')
    .option('--selector <name>', 'how token scores become one: mean, discounted-mean, last, ...', 'mean')
    .option('--rule <rule>', 'which N: all subsets, or the first N as published (first)', 'subsets')
    .option('--ks <numbers>', 'the k of pass@k, such as 1,5', numbersOption)
    .option('--best-of <numbers>', 'the N of best-of-N, such as 2,4,8', numbersOption)
    .option('--resamples <n>', 'bootstrap resamples of prompts', integerOption(100), 1000)
    .option('--seed <n>', 'of the bootstrap', integerOption(0), 42)
    .option('--tolerate', 'leave out what cannot be read, and prompts without all of their rows, and say so')
    .option('--json', 'print all numbers as JSON')
    .option('--output <file>', 'write all numbers to a new file')
    .option('--write-reference <file>', "write the rows in the reference's format to a new file")
    .addHelpText(
      'after',
      `
Rows are joined by prompt and sample, never by their place. Numbers are n/a where rows lack what they need. No GPU is used.

Example:
  $ dawngrad analyse runs/eval/eval_results_gsm8k.jsonl
  $ dawngrad analyse eval_results_new.jsonl --join eval_results_logprobs.jsonl --rule first --selector discounted-mean
  $ dawngrad analyse seed1.jsonl seed2.jsonl seed3.jsonl --seeds --json`,
    )
    .action(async (files: string[], options: AnalysisOptions) => {
      const { runAnalysis } = await import('../evaluation/run-analysis.ts');
      await runAnalysis(files, options, context);
    });
}

function numbersOption(text: string): number[] {
  const numbers = text.split(',').map(Number);
  if (numbers.every((value) => Number.isInteger(value) && value >= 1)) return numbers;
  throw new InvalidArgumentError('expected whole numbers of at least 1, such as 1,5.');
}
