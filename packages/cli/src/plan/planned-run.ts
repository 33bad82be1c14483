import { longestTask, type PlannedModel, type PlannedRun, type PlannedWork } from '@dawngrad/airl';
import type { Config, ConfigKind } from '../config/schema.ts';
import { grpoOptions, irlOptions, loraOptions, opsdOptions, sftOptions } from '../training/trainer-options.ts';
import { type PlanModel, planModel } from './plan-model.ts';

/** A configuration with its kind. */
export type PlannedConfig = {
  [Kind in ConfigKind]: { readonly kind: Kind; readonly config: Config<Kind> };
}[ConfigKind];

/** The models that a configuration names. */
export interface PlanModels {
  readonly policy: PlanModel;
  /** Undefined where there is no critic, or where it starts as the policy does. */
  readonly critic: PlanModel | undefined;
}

export async function planModels({ kind, config }: PlannedConfig): Promise<PlanModels> {
  // Asked for before.
  const policy = await planModel(config.policy.model as string, 'policy');
  const name = kind === 'irl' || kind === 'evaluate' ? config.critic.model : null;
  return { policy, critic: name === null ? undefined : await planModel(name, 'critic') };
}

/** What a configuration asks for, as the plan takes it: with the options that the trainers would get. */
export function plannedRun(planned: PlannedConfig, models: PlanModels): PlannedRun {
  const { kind, config } = planned;
  const { data, policy, run } = config;
  const limits = { maxPromptTokens: data.max_prompt_tokens, maxCompletionTokens: data.max_completion_tokens };
  const lora = kind === 'evaluate' ? undefined : loraOptions(config.policy.lora, run.seed);
  return {
    work: plannedWork(planned, models),
    policy: { ...models.policy, format: policy.dtype, lora },
    limits,
    recomputesBlocks: kind === 'evaluate' ? false : config.train.gradient_checkpointing,
  };
}

function plannedWork({ kind, config }: PlannedConfig, models: PlanModels): PlannedWork {
  const limits = { maxPromptTokens: 1, maxCompletionTokens: 1 };
  const { vocabSize } = models.policy.config;
  const dev = kind !== 'evaluate' && config.data.dev_fraction > 0 ? 1 : 0;
  // The options depend on whether there are dev rows, and on nothing else of the data.
  const task = longestTask({ vocabSize, limits, demonstrations: 1, dev });
  switch (kind) {
    case 'sft':
      return { kind, options: sftOptions(config, task) };
    case 'grpo':
      return { kind, options: grpoOptions(config, task) };
    case 'opsd':
      return { kind, options: opsdOptions(config, task) };
    case 'irl': {
      const lora = loraOptions(config.critic.lora, config.run.seed);
      const critic = models.critic;
      return {
        kind,
        options: irlOptions(config, task),
        critic: critic === undefined ? { start: 'policy', lora } : { ...critic, format: config.critic.dtype, lora },
        pooling: config.critic.pooling,
        shaping: config.critic.kind === 'shaped' ? config.critic.shaping : undefined,
        demonstrations: config.data.demonstrations ?? config.data.max_rows ?? undefined,
      };
    }
    case 'evaluate': {
      const { samples_per_prompt: samplesPerPrompt, batch, micro_batch_tokens: microBatchTokens } = config.eval;
      const { granularity, interval_tokens: intervalTokens, temperature, clip } = config.reward;
      const critic: PlannedModel | undefined = models.critic && { ...models.critic, format: config.critic.dtype };
      return {
        kind,
        options: {
          samplesPerPrompt,
          promptsAtOnce: Math.max(1, Math.floor(batch / samplesPerPrompt)),
          temperature: config.sampling.temperature,
          microBatchTokens,
          reward: { granularity, intervalTokens, temperature, clip },
          prompts: config.data.max_rows ?? undefined,
        },
        critic,
      };
    }
  }
}
