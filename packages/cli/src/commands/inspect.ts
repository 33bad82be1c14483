import type { Command } from 'commander';
import type { RunInspectOptions } from '../inspect/run-inspect.ts';
import type { CommandContext } from './command-context.ts';

/** `dawngrad inspect`. */
export function addInspectCommand(program: Command, context: CommandContext): void {
  program
    .command('inspect')
    .description('verify a model, an adapter or a safetensors file; list its tensors and the memory they take')
    .argument('<path>', 'model directory, adapter directory, run, or .safetensors file')
    .option('--base <folder>', 'base model to check an adapter against, if not the one that it names')
    .option('--all', 'list every tensor, not the same tensor of all layers as one')
    .option('--quick', 'read headers only: no check for NaN, no checksums')
    .option('--json', 'print everything as JSON')
    .addHelpText(
      'after',
      `
Exit code 0: sound. 4: damaged, incomplete or a pickle; the message names the file and the tensor. 3: a sound model
of a kind that is not supported, or no such path. No GPU is used.

Example:
  $ dawngrad inspect models/base
  $ dawngrad inspect runs/lora --json`,
    )
    .action(async (path: string, options: RunInspectOptions) => {
      const { runInspect } = await import('../inspect/run-inspect.ts');
      await runInspect(path, options, context);
    });
}
