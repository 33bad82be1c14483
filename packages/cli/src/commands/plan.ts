import { type Command, Option } from 'commander';
import { byteSizeOption } from '../merge/byte-size-option.ts';
import type { RunPlanOptions } from '../plan/run-plan.ts';
import type { CommandContext } from './command-context.ts';
import { addConfigOptions } from './config-options.ts';

/** `dawngrad plan`. */
export function addPlanCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('plan')
    .description('tell what a run will take, without a GPU: memory by part and phase, what fits, steps, work, disk')
    .argument('<what>', 'sft, grpo, irl or evaluate; or a configuration file whose name holds one of them');
  addConfigOptions(command)
    .option('--critic <folder>', 'model that the critic starts from; short for critic.model=<folder>')
    .option('--budget <size>', 'device memory, such as 24GB; default: what a run takes at most, 16GiB', byteSizeOption)
    .addOption(
      new Option('--adapter <class>', 'what kernels are planned with: those of a GPU or of software')
        .choices(['gpu', 'cpu'])
        .default('gpu'),
    )
    .option(
      '--binding <size>',
      'most bytes of one storage binding of the adapter, such as 128MiB; default 2GiB',
      byteSizeOption,
    )
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
No data and no weights are needed: every row counts with the longest lengths that the configuration allows, and a
model may be a folder with config.json or a name such as Qwen/Qwen2.5-3B-Instruct, qwen7b or llama8b.

Example:
  $ dawngrad plan irl --model qwen3b policy.lora.rank=64 critic.lora.rank=64 --budget 24GB
  $ dawngrad plan sft --model llama8b policy.lora.rank=16 train.gradient_checkpointing=true --json`,
    )
    .action(async (what: string, overrides: string[], options: RunPlanOptions) => {
      const { runPlan } = await import('../plan/run-plan.ts');
      await runPlan(what, overrides, options, context);
    });
}
