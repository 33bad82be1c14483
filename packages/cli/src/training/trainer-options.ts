import type {
  DevOptions,
  GrpoOptions,
  IrlOptions,
  OpsdOptions,
  OptimOptions,
  RoundOptions,
  SftOptions,
  Task,
} from '@dawngrad/airl';
import { weightedFunctions } from '@dawngrad/airl';
import type { LoraOptions } from '@dawngrad/models';
import { objectiveOptions } from '../config/objective-options.ts';
import type { Config } from '../config/schema.ts';

/** The linears of a block; all of them get an adapter. */
const LORA_TARGETS = ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'];

/** Configurations as the trainers want them. */
export function sftOptions({ run, policy, optim, train, eval: dev }: Config<'sft'>, task: Task): SftOptions {
  return {
    seed: run.seed,
    lr: policy.lr,
    optim: optimOptions(optim),
    maxSteps: train.max_steps,
    rowsPerStep: train.rows_per_step,
    microBatchTokens: train.micro_batch_tokens,
    keepBest: train.keep_best,
    fullText: train.full_text,
    ...devOptions(dev, task),
  };
}

export function grpoOptions(config: Config<'grpo'>, task: Task): GrpoOptions {
  // No prompt of this task has a demonstration.
  return {
    ...roundOptions(config, task, 1),
    scale: config.credit.scale,
    estimator: config.credit.estimator,
    maxResamples: config.sampling.max_resamples,
  };
}

export function opsdOptions(config: Config<'opsd'>, task: Task): OpsdOptions {
  const { run, policy, opsd, sampling, optim, train, eval: dev } = config;
  return {
    seed: run.seed,
    lr: policy.lr,
    optim: optimOptions(optim),
    weights: opsd,
    groupSize: sampling.group_size,
    temperature: sampling.temperature,
    maxSteps: train.max_steps,
    promptsPerRound: train.prompts_per_round,
    microBatchTokens: train.micro_batch_tokens,
    loggedPrompts: train.logged_prompts,
    ...devOptions(dev, task),
  };
}

export function irlOptions(config: Config<'irl'>, task: Task): IrlOptions {
  const { critic, reward, credit, negatives, relabel, replay, warmup, train } = config;
  return {
    ...roundOptions(config, task, train.unlabelled_fraction),
    critic: {
      lr: critic.lr,
      ...(critic.lr_warmup_updates === null ? {} : { lrWarmupUpdates: critic.lr_warmup_updates }),
      lrDecay: critic.lr_decay,
      optim: {
        ...optimOptions(config.optim),
        ...(critic.weight_decay === null ? {} : { weightDecay: critic.weight_decay }),
      },
      loss: critic.loss,
      objective: objectiveOptions(critic),
      potentialLrScale: critic.shaping.lr_mult,
      trunkLrScale: critic.trunk_lr_scale,
      labelSmoothing: critic.label_smoothing,
      updatesPerRound: critic.updates_per_round,
      expertsPerUpdate: critic.experts_per_update,
      policyPerUpdate: critic.policy_per_update,
      freeze: critic.freeze,
      freezeAfterWarmup: critic.freeze_after_warmup,
      control: critic.control,
    },
    reward: {
      granularity: reward.granularity,
      intervalTokens: reward.interval_tokens,
      temperature: reward.temperature,
      clip: reward.clip,
      ...(reward.malformed === null ? {} : { malformed: reward.malformed }),
      form: reward.form,
      ...(reward.shape_weight === null ? {} : { shapeWeight: reward.shape_weight }),
      logpi: reward.logpi,
      normalise: reward.normalise,
    },
    credit: {
      level: credit.level,
      estimator: credit.estimator,
      scale: credit.scale,
      gamma: credit.gamma ?? 1,
      ...(credit.local === 'off'
        ? {}
        : { local: { signal: credit.local, weight: credit.local_weight, clamp: [-2, 2] as const } }),
    },
    expertInGroup: credit.expert_in_group,
    corruptedPerExpert: negatives.per_expert,
    // Without a number all take part, but for losses of pairs, which have no place for them.
    ...(negatives.stored_per_expert === null ? {} : { storedPerExpert: negatives.stored_per_expert }),
    dropsCutSamples: negatives.drop_cut,
    relabel: relabel.mode,
    replay: { rounds: replay.rounds, onPolicyFraction: replay.on_policy_fraction },
    warmup: { steps: warmup.steps, samplesPerPrompt: warmup.samples_per_prompt, continues: warmup.continue },
  };
}

/** Undefined where all weights are trained. */
export function loraOptions({ rank, alpha }: Config<'sft'>['policy']['lora'], seed: number): LoraOptions | undefined {
  return rank === 0 ? undefined : { rank, alpha: alpha ?? 2 * rank, targets: LORA_TARGETS, seed };
}

function roundOptions(config: Config<'grpo'> | Config<'irl'>, task: Task, unlabelledFraction: number): RoundOptions {
  const { run, policy, reward, sampling, optim, train, eval: dev } = config;
  return {
    seed: run.seed,
    lr: policy.lr,
    optim: optimOptions(optim),
    klBeta: policy.kl_beta,
    kl: { form: policy.kl_form, unbiased: policy.kl_unbiased, place: policy.kl_place },
    loss: policy.loss,
    clip: { low: policy.clip, high: policy.clip_high ?? policy.clip },
    ...(policy.delta === null ? {} : { delta: policy.delta }),
    entropyBonus: policy.entropy_bonus,
    maskTruncated: policy.mask_truncated,
    sources: {
      ...(weightedFunctions(reward.functions).length > 0
        ? { functions: reward.functions, outcomeWeight: 0 }
        : { outcomeWeight: reward.outcome_weight, formatWeight: reward.format_weight }),
      ...(reward.overlong_buffer_tokens === 0
        ? {}
        : { overlong: { bufferTokens: reward.overlong_buffer_tokens, penalty: reward.overlong_penalty } }),
    },
    updatesPerRound: policy.updates_per_round,
    normalisation: policy.normalisation,
    groupSize: sampling.group_size,
    temperature: sampling.temperature,
    maxSteps: train.max_steps,
    promptsPerRound: train.prompts_per_round,
    unlabelledFraction,
    microBatchTokens: train.micro_batch_tokens,
    loggedPrompts: train.logged_prompts,
    ...devOptions(dev, task),
  };
}

function optimOptions(optim: Config<'sft'>['optim']): OptimOptions {
  return {
    beta1: optim.beta1,
    beta2: optim.beta2,
    epsilon: optim.epsilon,
    weightDecay: optim.weight_decay,
    decaysAll: optim.decay_all,
    maxGradNorm: optim.max_grad_norm,
    schedule: optim.schedule,
    warmupRatio: optim.warmup_ratio,
    finalRatio: optim.final_ratio,
  };
}

/** Without dev rows there is nothing to evaluate on the way. */
function devOptions(dev: Config<'sft'>['eval'], task: Task): { readonly dev?: DevOptions } {
  if (task.dev.length === 0) return {};
  const { every_steps, prompts, samples_per_prompt, temperature } = dev;
  return { dev: { everySteps: every_steps, prompts, samplesPerPrompt: samples_per_prompt, temperature } };
}
