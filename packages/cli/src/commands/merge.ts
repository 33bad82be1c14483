import { type Command, Option } from 'commander';
import { byteSizeOption } from '../merge/byte-size-option.ts';
import type { MergeOptions } from '../merge/run-merge.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad merge`. */
export function addMergeCommand(program: Command, context: CommandContext): void {
  program
    .command('merge')
    .description('merge a LoRA adapter into its base and save the model it makes')
    .requiredOption('--adapter <folder>', "adapter in PEFT's layout: adapter_config.json, adapter_model.safetensors")
    .requiredOption('--output <folder>', 'where the merged model goes; must not exist')
    .option('--model <folder>', 'base model, if not the one that the adapter names')
    .addOption(
      new Option('--dtype <type>', 'type of all weights; by default each as in the base').choices([
        'f32',
        'f16',
        'bf16',
      ]),
    )
    .option('--max-shard-size <size>', 'largest file of weights, such as 2GB; default 5GB', byteSizeOption)
    .addHelpText(
      'after',
      `
W + scale B A is computed in double precision and rounded once. All other weights and files are copied as they
are. The output appears complete or not at all, and the same inputs give the same bytes.

Example:
  $ dawngrad merge --model models/base --adapter runs/lora --output models/merged`,
    )
    .action(async (options: MergeOptions) => {
      const { runMerge } = await import('../merge/run-merge.ts');
      await runMerge(options, context);
    });
}
