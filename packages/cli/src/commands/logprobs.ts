import type { Command } from 'commander';
import { addChatOptions, addModelOptions } from '../generation/generation-options.ts';
import { integerOption, numberOption } from '../generation/number-option.ts';
import type { RunLogprobsOptions } from '../logprobs/run-logprobs.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad logprobs`. */
export function addLogprobsCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('logprobs')
    .description('log-probability and entropy of each token of rows')
    .requiredOption('--input <file>', 'rows in JSONL: {"ids": [...]}, or {"prompt": ..., "completion": ...}')
    .option('--output <file>', 'JSONL, a row for each row of the input; default: the screen')
    .option('--chat', "put prompts through the model's chat template")
    .option('--temperature <t>', 'divides the logits', numberOption(1e-6), 1)
    .option('--batch-tokens <n>', 'tokens that go through the model together', integerOption(1), 2048);
  addModelOptions(command);
  addChatOptions(command)
    .addHelpText(
      'after',
      `
A row of the output has "ids", "logprobs" and "entropies" of equal length, in nats and float32: entry t is of ids[t]
after ids[0..t-1], and entry 0 is null. Rows of text also have "prompt_length".

Example:
  $ dawngrad logprobs --model models/base --input rows.jsonl --output scored.jsonl`,
    )
    .action(async (options: RunLogprobsOptions) => {
      const { runLogprobs } = await import('../logprobs/run-logprobs.ts');
      await runLogprobs(options, context);
    });
}
