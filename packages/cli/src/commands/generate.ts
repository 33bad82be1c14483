import type { Command } from 'commander';
import {
  addChatOptions,
  addModelOptions,
  addSamplingOptions,
  SAMPLING_NOTE,
} from '../generation/generation-options.ts';
import { idsOption, integerOption } from '../generation/number-option.ts';
import type { RunGenerateOptions } from '../generation/run-generate.ts';
import { addGuidanceOptions } from '../guided/guidance-options.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad generate`. */
export function addGenerateCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('generate')
    .description('complete prompts: text, ids, or rows of a file')
    .option('--prompt <text>', 'a prompt')
    .option('--ids <ids>', 'a prompt as token ids, such as 1,2,3', idsOption)
    .option('--input <file>', 'prompts in JSONL: rows with "prompt", "messages" or "ids"')
    .option('--chat', "put prompts through the model's chat template")
    .option('--samples <n>', 'completions of each prompt', integerOption(1), 1)
    .option('--json', 'print an object a completion: ids, text, log-probabilities')
    .option('--output <file>', 'write these objects to a file instead');
  addGuidanceOptions(command);
  addModelOptions(command);
  addSamplingOptions(command);
  addChatOptions(command)
    .addHelpText(
      'after',
      `
${SAMPLING_NOTE}
A log-probability is that of the token at the temperature, all tokens allowed: what training computes.

Example:
  $ dawngrad generate --model models/base --prompt "Once upon a time" --temperature 0
  $ dawngrad generate --model runs/sft --critic runs/irl --guidance chunk --prompt "sum 1 + 2 ="
  $ dawngrad generate --model runs/sft --chat --input questions.jsonl --samples 4 --output answers.jsonl`,
    )
    .action(async (options: RunGenerateOptions) => {
      const { runGenerate } = await import('../generation/run-generate.ts');
      await runGenerate(options, context);
    });
}
