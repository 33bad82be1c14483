import { type Command, InvalidArgumentError } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addConfigOptions, type ConfigOptions, readConfig } from './config-options.ts';

interface TrainOptions extends ConfigOptions {
  readonly resume?: boolean;
  readonly acceptFallback?: boolean;
  readonly graceS: number;
}

const MOST_GRACE_S = 86_400;

const METHODS = {
  sft: 'imitate the targets of the rows (supervised fine-tuning)',
  grpo: 'learn from right and wrong answers (group-relative policy optimisation)',
  irl: 'learn a reward from the targets, and the policy from the reward (R-AIRL)',
  opsd: 'learn from samples what the model itself would write if it saw the expert (self-distillation)',
} as const;

function graceSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() !== '' && seconds >= 0 && seconds <= MOST_GRACE_S) return seconds;
  throw new InvalidArgumentError(`expected seconds from 0 to ${MOST_GRACE_S}.`);
}

/** `dawngrad train sft|grpo|irl|opsd`. */
export function addTrainCommand(program: Command, context: CommandContext): void {
  const train = program
    .command('train')
    .description('train a model: sft, grpo, irl, opsd')
    .addHelpText(
      'after',
      `
A model is a folder in Hugging Face layout, or owner/name[@revision] on the hub, which is downloaded into the hub's
cache (HF_HOME, HF_TOKEN, HF_ENDPOINT and HF_HUB_OFFLINE are honoured).

Examples:
  $ dawngrad train sft --data train.jsonl --model models/base train.max_steps=100
  $ dawngrad train sft --data train.jsonl --model Qwen/Qwen2.5-0.5B-Instruct policy.lora.rank=16`,
    );
  for (const kind of Object.keys(METHODS) as (keyof typeof METHODS)[]) {
    addConfigOptions(train.command(kind))
      .description(METHODS[kind])
      .option('--resume', 'go on with the run in run.dir from its newest checkpoint')
      .option('--accept-fallback', 'with --resume: from an older checkpoint where newer ones are damaged')
      .option('--grace-s <seconds>', 'seconds after SIGTERM in which the run saves and ends', graceSeconds, 25)
      .addHelpText(
        'after',
        `\nExample:\n  $ dawngrad train ${kind} --config ${kind}.yaml policy.lr=3e-4 run.dir=runs/a`,
      )
      .action(async (overrides: string[], options: TrainOptions) => {
        const config = await readConfig(kind, overrides, options, context);
        const { runTraining } = await import('../training/run-training.ts');
        // `kind` and the configuration read for it belong together.
        const { resume = false, acceptFallback = false, graceS } = options;
        const start = { resume, acceptFallback, graceS };
        await runTraining({ kind, config } as Parameters<typeof runTraining>[0], start, context);
      });
  }
}
