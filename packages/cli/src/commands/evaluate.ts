import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addConfigOptions, type ConfigOptions, readConfig } from './config-options.ts';

interface EvaluateOptions extends ConfigOptions {
  readonly resume?: boolean;
}

/** `dawngrad evaluate`. */
export function addEvaluateCommand(program: Command, context: CommandContext): void {
  addConfigOptions(program.command('evaluate'))
    .description('sample completions of a model, score them with a critic, report pass@k and best-of-n')
    .option('--critic <folder>', 'trained critic, or the run that trained it; short for critic.model=<folder>')
    .option('--resume', 'go on with an evaluation that was stopped, in run.dir')
    .addHelpText(
      'after',
      `
A model is a folder in Hugging Face layout, the folder of a run (its newest checkpoint is taken), or owner/name on the
hub: it is downloaded once, into the cache that other tools use as well (HF_HOME). hf://owner/name is never a folder.

Example:
  $ dawngrad evaluate --model runs/irl --critic runs/irl --data test.jsonl eval.samples_per_prompt=16`,
    )
    .action(async (overrides: string[], options: EvaluateOptions) => {
      const config = await readConfig('evaluate', overrides, options, context);
      const { runEvaluation } = await import('../evaluation/run-evaluation.ts');
      await runEvaluation(config, options.resume === true, context);
    });
}
