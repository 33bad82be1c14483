import { rowChecker } from '../run/row-checker.ts';
import type { Config } from './schema.ts';

type TrainingConfig =
  | { readonly kind: 'sft'; readonly config: Config<'sft'> }
  | { readonly kind: 'grpo'; readonly config: Config<'grpo'> }
  | { readonly kind: 'irl'; readonly config: Config<'irl'> };

/** Everything that changes what is optimised, to be printed before the first step; one line a part. */
export function objectiveText(training: TrainingConfig): string {
  const parts = training.kind === 'sft' ? sftParts(training.config) : rewardParts(training);
  return [...parts, `seed: ${training.config.run.seed}`].join('\n');
}

function sftParts({ policy, train }: Config<'sft'>): string[] {
  return [
    `objective: cross-entropy of completion tokens, mean over the tokens of ${train.rows_per_step} rows`,
    // The dev rows are judged by the checker, so a comparison has to say so.
    ...(train.keep_best ? ['weights: those that are best on the dev rows'] : []),
    weights('policy', policy),
  ];
}

function rewardParts(training: Exclude<TrainingConfig, { readonly kind: 'sft' }>): string[] {
  const { policy, sampling, train } = training.config;
  const kl = policy.kl_beta === 0 ? 'no divergence term' : `${policy.kl_beta} x k3 divergence from the starting policy`;
  return [
    `objective: clipped ratio 1 ± ${policy.clip}, mean by ${policy.normalisation}, ${kl}, ${count(policy.updates_per_round, 'update')} a round`,
    ...(training.kind === 'grpo' ? outcomeParts(training.config) : criticParts(training.config)),
    `round: ${train.prompts_per_round} prompts x ${sampling.group_size} samples at temperature ${sampling.temperature}`,
    weights('policy', policy),
  ];
}

function outcomeParts({ credit, data }: Config<'grpo'>): string[] {
  return [
    `reward: 1 for an answer that the ${rowChecker(data)} checker calls right; divided by the std of: ${credit.scale}`,
  ];
}

function criticParts({ critic, reward, credit, negatives, relabel, replay, warmup }: Config<'irl'>): string[] {
  const granularity =
    reward.granularity === 'interval' ? `interval of ${reward.interval_tokens} tokens` : reward.granularity;
  const clip = reward.clip === null ? 'not clipped' : `clipped to [${reward.clip.join(', ')}]`;
  const discount = credit.level === 'token' ? `, gamma ${credit.gamma ?? 1}` : '';
  const updates = critic.freeze_after_warmup
    ? 'then frozen'
    : `then ${count(critic.updates_per_round, 'update')} a round`;
  return [
    `reward: critic logit / ${reward.temperature}, ${clip}; granularity ${granularity}; credit ${credit.level}${discount}; divided by the std of: ${credit.scale}`,
    `critic: balanced cross-entropy, label smoothing ${critic.label_smoothing}; ${count(warmup.steps, 'warm-up update')}, ${updates}; ` +
      `${count(negatives.per_expert, 'corrupted copy', 'corrupted copies')} an expert; replay of ${count(replay.rounds, 'round')}`,
    // Only then may a report call the run verifier-free.
    relabel.mode === 'off'
      ? 'labels: no answer is looked at'
      : `labels: right answers count as experts (${relabel.mode})`,
    weights('critic', critic),
  ];
}

function weights(name: string, { lr, lora }: Pick<Config<'sft'>['policy'], 'lr' | 'lora'>): string {
  const trained =
    lora.rank === 0 ? 'all weights' : `low-rank adapters, rank ${lora.rank}, alpha ${lora.alpha ?? 2 * lora.rank}`;
  return `${name}: ${trained}, learning rate ${lr}`;
}

function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
