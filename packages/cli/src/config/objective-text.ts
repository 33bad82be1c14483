import { weightedFunctions } from '@dawngrad/airl';
import { rowChecker } from '../run/row-checker.ts';
import type { Config } from './schema.ts';

type TrainingConfig =
  | { readonly kind: 'sft'; readonly config: Config<'sft'> }
  | { readonly kind: 'grpo'; readonly config: Config<'grpo'> }
  | { readonly kind: 'irl'; readonly config: Config<'irl'> }
  | { readonly kind: 'opsd'; readonly config: Config<'opsd'> };

/** Rounds whose advantages come of rewards. */
type RewardConfig = Exclude<TrainingConfig, { readonly kind: 'sft' | 'opsd' }>;

/** Everything that changes what is optimised, to be printed before the first step; one line a part. */
export function objectiveText(training: TrainingConfig): string {
  return [...partsOf(training), `seed: ${training.config.run.seed}`].join('\n');
}

function partsOf(training: TrainingConfig): string[] {
  if (training.kind === 'sft') return sftParts(training.config);
  return training.kind === 'opsd' ? opsdParts(training.config) : rewardParts(training);
}

function opsdParts({ data, opsd, policy, sampling, train }: Config<'opsd'>): string[] {
  const clip = opsd.clip === null ? 'not clipped' : `clipped to [${opsd.clip.join(', ')}]`;
  const normalised = opsd.normalise ? ', normalised over the round' : '';
  return [
    'objective: log-probability of sampled tokens, each weighted, mean over the tokens of the round',
    `token weights: log-ratio of the starting policy with and without the expert in the prompt / ${opsd.temperature}, ${clip}${normalised}`,
    ...expertText(data),
    `verifier: not used to train${bestText(data, train)}`,
    `round: ${train.prompts_per_round} prompts x ${sampling.group_size} samples at temperature ${sampling.temperature}`,
    weights('policy', policy),
  ];
}

function sftParts({ policy, train }: Config<'sft'>): string[] {
  return [
    `objective: cross-entropy of ${train.full_text ? 'prompt and completion' : 'completion'} tokens, mean over the tokens of ${train.rows_per_step} rows`,
    // The dev rows are judged by the checker, so a comparison has to say so.
    ...(train.keep_best ? ['weights: those that are best on the dev rows'] : []),
    weights('policy', policy),
  ];
}

function rewardParts(training: RewardConfig): string[] {
  const { policy, sampling, train } = training.config;
  return [
    `objective: ${lossText(policy)}, mean by ${policy.normalisation}, ${divergenceText(policy)}, ${count(policy.updates_per_round, 'update')} a round`,
    ...(training.kind === 'grpo' ? outcomeParts(training.config) : criticParts(training.config)),
    `round: ${train.prompts_per_round} prompts x ${sampling.group_size} samples at temperature ${sampling.temperature}${resampleText(training)}`,
    weights('policy', policy),
  ];
}

function resampleText(training: RewardConfig): string {
  const times = training.kind === 'grpo' ? training.config.sampling.max_resamples : 0;
  return times === 0 ? '' : `, those without spread drawn again up to ${count(times, 'time')}`;
}

function lossText({ loss, clip, clip_high, delta, entropy_bonus, mask_truncated }: Config<'grpo'>['policy']): string {
  const bounds = clip_high === null ? `1 ± ${clip}` : `${1 - clip} to ${1 + clip_high}`;
  const names: Record<typeof loss, string> = {
    clipped: `clipped ratio ${bounds}`,
    gspo: `clipped ratio of sequences (gspo) ${bounds}`,
    cispo: `log-probability weighted by the clipped ratio (cispo) ${bounds}`,
    reinforce: 'policy gradient without bounds (reinforce)',
  };
  return [
    names[loss],
    ...(delta === null ? [] : [`at most ${delta} where the advantage is negative`]),
    ...(entropy_bonus === 0 ? [] : [`${entropy_bonus} x entropy`]),
    ...(mask_truncated ? ['cut samples left out'] : []),
  ].join(', ');
}

function divergenceText({ kl_beta, kl_form, kl_place, kl_unbiased }: Config<'grpo'>['policy']): string {
  if (kl_beta === 0) return 'no divergence term';
  const how = kl_place === 'reward' ? ' in the reward' : kl_unbiased ? ' with unbiased gradient' : '';
  return `${kl_beta} x ${kl_form} divergence from the starting policy${how}`;
}

function outcomeParts({ credit, data, reward }: Config<'grpo'>): string[] {
  return [
    `reward: ${functionsText(reward) ?? `${reward.outcome_weight} for an answer that the ${rowChecker(data)} checker calls right`}${formText(reward)}${checkerText(reward, data)}; ${advantageText(credit)}`,
  ];
}

/** Undefined where no function has a weight. */
function functionsText({ functions }: Config<'grpo'>['reward']): string | undefined {
  const weighted = weightedFunctions(functions).map(([name, weight]) => `${weight} x ${name}`);
  return weighted.length === 0 ? undefined : weighted.join(' + ');
}

function checkerText({ functions }: Config<'grpo'>['reward'], data: Config<'grpo'>['data']): string {
  return functions.correctness === 0 ? '' : ` (by the ${rowChecker(data)} checker)`;
}

function formText({ format_weight, overlong_buffer_tokens, overlong_penalty }: Config<'grpo'>['reward']): string {
  const format = format_weight === 0 ? '' : `, ${format_weight} x form of the text`;
  const length = `, at most ${overlong_penalty} less over the last ${count(overlong_buffer_tokens, 'token')} before the limit`;
  return overlong_buffer_tokens === 0 ? format : format + length;
}

function advantageText({ estimator, scale }: Config<'grpo'>['credit']): string {
  return estimator === 'group' ? `divided by the std of: ${scale}` : `advantages by ${estimator}`;
}

function criticParts(config: Config<'irl'>): string[] {
  const { critic, reward, credit, negatives, relabel, replay } = config;
  const granularity =
    reward.granularity === 'interval' ? `interval of ${reward.interval_tokens} tokens` : reward.granularity;
  const clip = reward.clip === null ? 'not clipped' : `clipped to [${reward.clip.join(', ')}]`;
  const malformed =
    reward.malformed === null ? '' : `, at most ${reward.malformed} for one that is cut off or has no answer`;
  const discount = credit.level === 'token' ? `, gamma ${credit.gamma ?? 1}` : '';
  const named = functionsText(reward);
  const outcome =
    named !== undefined
      ? ` + ${named}`
      : reward.outcome_weight === 0
        ? ''
        : `, ${reward.outcome_weight} for a right answer`;
  const signal = credit.local === 'off' ? '' : ` + ${credit.local_weight} x ${credit.local}`;
  const local = `${signal}${credit.expert_in_group ? ', experts in their groups' : ''}`;
  return [
    `reward: ${rewardText(reward)} / ${reward.temperature}${whitened[reward.normalise]}, ${clip}${malformed}${outcome}${formText(reward)}; granularity ${granularity}; credit ${credit.level}${discount}${local}; ${advantageText(credit)}`,
    `critic: ${criticText(critic)}; ${scheduleText(config)}` +
      (critic.freeze
        ? ''
        : `; ${count(negatives.per_expert, 'corrupted copy', 'corrupted copies')} an expert${storedText(negatives)}; ${updateText(critic)}; replay of ${count(replay.rounds, 'round')}`),
    ...(critic.control === 'none' ? [] : [`control: ${CONTROLS[critic.control]}; not a result of the method`]),
    ...expertText(config.data),
    // Only then may a report call the run verifier-free.
    relabel.mode === 'off'
      ? `labels: no answer is looked at${reward.outcome_weight === 0 && reward.functions.correctness === 0 ? '' : '; the reward looks at answers'}`
      : `labels: right answers count as experts (${relabel.mode})`,
    verifierText(config),
    ...(critic.freeze ? [] : [weights('critic', critic) + trunkText(critic)]),
  ];
}

/** How much the critic is trained, and on what it starts. */
function scheduleText({ critic, warmup }: Config<'irl'>): string {
  const start = warmup.load_from === null ? '' : `started as that of ${warmup.load_from}, `;
  if (critic.freeze) return `${start}frozen from the start`;
  const isDone = warmup.load_from !== null && !warmup.continue;
  const steps = isDone ? 'its warm-up taken as done' : count(warmup.steps, 'warm-up update');
  const then = critic.freeze_after_warmup ? 'then frozen' : `then ${count(critic.updates_per_round, 'update')} a round`;
  return `${start}${steps}, ${then}`;
}

function storedText({ stored_per_expert, drop_cut }: Config<'irl'>['negatives']): string {
  const some = stored_per_expert === null ? 'any' : `up to ${stored_per_expert} of the`;
  const stored = stored_per_expert === 0 ? '' : ` and ${some} wrong traces that came with it`;
  return stored + (drop_cut ? ', cut samples left out' : '');
}

function updateText({ experts_per_update, policy_per_update }: Config<'irl'>['critic']): string {
  return experts_per_update === null || policy_per_update === null
    ? 'updates on the whole round'
    : `updates on ${count(experts_per_update, 'expert')} and ${count(policy_per_update, 'sample')}`;
}

const CONTROLS = {
  shuffled_labels: 'the labels of each critic update are shuffled within each prompt',
  length_only: 'the critic sees nothing of a completion but its length (every token is the end token)',
} as const;

function expertText({ expert_error_rate: rate }: Pick<Config<'irl'>['data'], 'expert_error_rate'>): string[] {
  return rate === 0 ? [] : [`experts: ${Number((100 * rate).toPrecision(3))} % of them made wrong on purpose`];
}

/** What a run uses the checker for; nothing where it may be called verifier-free. */
function verifierText({ relabel, reward, data, train }: Config<'irl'>): string {
  const uses = [
    ...(relabel.mode === 'off' ? [] : [`labels (${relabel.mode})`]),
    ...(reward.outcome_weight === 0 && reward.functions.correctness === 0 ? [] : ['the reward']),
  ];
  return `verifier: ${uses.length === 0 ? 'not used to train' : `used for ${uses.join(' and ')}`}${bestText(data, train)}`;
}

function bestText(data: { readonly dev_fraction: number }, train: { readonly save_best: boolean }): string {
  return data.dev_fraction === 0 || !train.save_best ? '' : '; the checkpoint "best" is chosen by it on dev rows';
}

const whitened = { none: '', batch: ', whitened over the round', running: ', whitened over all rounds' } as const;

function rewardText({ form, shape_weight, logpi }: Config<'irl'>['reward']): string {
  const forms: Record<typeof form, string> = {
    f: 'critic logit',
    'f-minus-logpi': `critic f - log pi (${logpi === 'sum' ? 'summed over' : 'mean of'} the tokens of a segment)`,
    g: `critic's reward head g${shape_weight === null ? '' : ` + ${shape_weight} x shaping`}`,
  };
  return forms[form];
}

function criticText({
  kind,
  pooling,
  loss,
  label_smoothing,
  pairwise,
  penalty_weight,
  shaping,
}: Config<'irl'>['critic']): string {
  const { margin, negatives_per_prompt } = pairwise;
  const losses: Readonly<Record<string, string>> = {
    bce: `balanced cross-entropy${kind === 'shaped' ? ' of f - log pi' : ''}, label smoothing ${label_smoothing}`,
    pairwise: `Bradley-Terry pairs, margin ${margin}, ${negatives_per_prompt === 0 ? 'all negatives' : count(negatives_per_prompt, 'negative')} of a prompt`,
    wasserstein: `Wasserstein, gradient penalty ${penalty_weight}`,
  };
  const text = losses[loss] ?? `${loss} (of a plugin)`;
  const pooled = pooling === 'mean' ? `mean logit of a segment's tokens; ${text}` : text;
  return kind === 'plain' ? pooled : `reward and potential heads (shaped), gamma ${shaping.gamma}; ${text}`;
}

function weights(name: string, { lr, lora }: Pick<Config<'sft'>['policy'], 'lr' | 'lora'>): string {
  const trained =
    lora.rank === 0 ? 'all weights' : `low-rank adapters, rank ${lora.rank}, alpha ${lora.alpha ?? 2 * lora.rank}`;
  return `${name}: ${trained}, learning rate ${lr}`;
}

function trunkText({ trunk_lr_scale }: Config<'irl'>['critic']): string {
  return trunk_lr_scale === 1 ? '' : ` (${trunk_lr_scale} of it for all but the head)`;
}

function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}
