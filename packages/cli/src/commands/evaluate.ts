import type { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addConfigOptions, type ConfigOptions, readConfig } from './config-options.ts';

interface EvaluateOptions extends ConfigOptions {
  readonly resume?: boolean;
  readonly tolerate?: boolean;
  readonly json?: boolean;
}

/** `dawngrad evaluate`. */
export function addEvaluateCommand(program: Command, context: CommandContext): void {
  addConfigOptions(program.command('evaluate'))
    .description('sample completions of a model or take given ones, score them, report pass@k and best-of-n')
    .option('--critic <folder>', 'trained critic, or the run that trained it; short for critic.model=<folder>')
    .option('--resume', 'go on with an evaluation that was stopped, in run.dir')
    .option('--tolerate', 'leave out given rows that cannot be used, and say so; short for eval.tolerate=true')
    .option('--json', 'print all numbers as JSON instead of tables')
    .addHelpText(
      'after',
      `
A model is a folder in Hugging Face layout, the folder of a run (its newest checkpoint is taken), or owner/name on the
hub: it is downloaded once, into the cache that other tools use as well (HF_HOME). hf://owner/name is never a folder.
Completions that are given already (eval.mode=pregenerated_policy or pregenerated_policy_and_reward) may be rows of this
program or of the reference code; data may then be left out. \`dawngrad analyse\` makes tables of rows as they are.

Example:
  $ dawngrad evaluate --model runs/irl --critic runs/irl --data test.jsonl eval.samples_per_prompt=16
  $ dawngrad evaluate --model runs/sft --data test.jsonl eval.temperatures=[0.5,1]
  $ dawngrad evaluate --model runs/sft --critic runs/irl eval.mode=pregenerated_sft eval.input=eval_results_new.jsonl`,
    )
    .action(async (overrides: string[], options: EvaluateOptions) => {
      const said = options.tolerate === true ? ['eval.tolerate=true', ...overrides] : overrides;
      const config = await readConfig('evaluate', said, options, context);
      const { runEvaluation } = await import('../evaluation/run-evaluation.ts');
      await runEvaluation(config, { resume: options.resume === true, json: options.json === true }, context);
    });
}
