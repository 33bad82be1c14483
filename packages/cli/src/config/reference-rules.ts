import { type Outcome, type ReferenceRule, type Target, unexpected } from './reference-outcome.ts';
import { hubId } from './reference-table.ts';
import { sameValue } from './setting.ts';

/** Texts in a micro-batch of the reference; ours counts tokens. */
const textTokens = (target: Target): number =>
  Number(target.value('data.max_prompt_tokens')) + Number(target.value('data.max_completion_tokens'));

const isCount = (value: unknown): value is number => Number.isInteger(value) && (value as number) > 0;

/** Batch sizes of the reference's shipped configurations, for a command line that says one of the two. */
const SHIPPED_BATCH = 16;
const SHIPPED_ACCUMULATION = 8;

/**
 * The reference counts completions: each step has batch x accumulation of them, so that G samples a prompt make
 * batch x accumulation / G prompts (r-airl.md, section 4.5); SFT has that many rows.
 */
const BATCH: ReferenceRule = {
  names: [
    'training.per_device_train_batch_size',
    'training.gradient_accumulation_steps',
    'sampling.num_generations',
    'training.num_generations',
  ],
  to: {
    'train.rows_per_step': ['training.per_device_train_batch_size', 'training.gradient_accumulation_steps'],
    'train.prompts_per_round': ['training.per_device_train_batch_size', 'training.gradient_accumulation_steps'],
    'sampling.group_size': ['sampling.num_generations', 'training.num_generations'],
  },
  translate(given, target) {
    for (const [name, value] of given) if (!isCount(value)) return unexpected(`a whole number as ${name}`, value);
    const batch = given.get('training.per_device_train_batch_size') as number | undefined;
    const accumulation = given.get('training.gradient_accumulation_steps') as number | undefined;
    const samples = given.get('sampling.num_generations') ?? given.get('training.num_generations');
    const saysBatch = batch !== undefined || accumulation !== undefined;
    const factors = `${batch ?? SHIPPED_BATCH} x ${accumulation ?? SHIPPED_ACCUMULATION}`;
    const product = (batch ?? SHIPPED_BATCH) * (accumulation ?? SHIPPED_ACCUMULATION);
    if (target.has('train.rows_per_step')) {
      if (!saysBatch) return { refuse: 'nothing is sampled in this training', dead: true };
      return { set: { 'train.rows_per_step': product }, because: factors };
    }
    const before = Number(target.value('sampling.group_size'));
    const groupSize = (samples as number | undefined) ?? before;
    const group = samples === undefined ? {} : { 'sampling.group_size': groupSize };
    const completions = saysBatch ? product : Number(target.value('train.prompts_per_round')) * before;
    if (completions % groupSize !== 0) {
      const sum = saysBatch ? `${factors} = ${completions}` : `${completions}`;
      return { refuse: `${sum} completions a round are no whole number of prompts with ${groupSize} samples each` };
    }
    return {
      set: { 'train.prompts_per_round': completions / groupSize, ...group },
      because: `${saysBatch ? factors : completions} completions / ${groupSize} samples a prompt`,
    };
  },
};

/** Texts at once in the passes of the critic; ours limits the tokens of every pass. */
const MICRO_BATCH: ReferenceRule = {
  names: ['training.max_micro_batch', 'training.reward_score_micro_batch', 'opsd.max_micro_batch'],
  to: {
    'train.micro_batch_tokens': [
      'training.max_micro_batch',
      'training.reward_score_micro_batch',
      'opsd.max_micro_batch',
    ],
  },
  translate(given, target) {
    const texts = [...given.values()];
    const wrong = texts.find((value) => !isCount(value));
    if (wrong !== undefined) return unexpected('a whole number', wrong);
    return tokensOf(Math.max(...(texts as number[])), 'train.micro_batch_tokens', target);
  },
};

const EVAL_MICRO_BATCH: ReferenceRule = {
  names: ['eval.max_micro_batch'],
  to: { 'eval.micro_batch_tokens': ['eval.max_micro_batch'] },
  translate(given, target) {
    const texts = given.get('eval.max_micro_batch');
    return isCount(texts) ? tokensOf(texts, 'eval.micro_batch_tokens', target) : unexpected('a whole number', texts);
  },
};

function tokensOf(texts: number, key: string, target: Target): Outcome {
  const each = textTokens(target);
  return { set: { [key]: texts * each }, because: `${texts} texts of at most ${each} tokens` };
}

const EVAL_BATCH: ReferenceRule = {
  names: ['eval.per_device_eval_batch_size'],
  to: { 'eval.batch': ['eval.per_device_eval_batch_size'] },
  translate: (given, target) =>
    target.has('eval.batch')
      ? { set: { 'eval.batch': given.get('eval.per_device_eval_batch_size') } }
      : { refuse: 'evaluation in training takes train.micro_batch_tokens', dead: true },
};

/** A flag and two bounds are one value here; what is not said stays as it is. */
const CLIP: ReferenceRule = {
  names: ['model.clip_reward_model', 'model.reward_lb', 'model.reward_ub'],
  to: { 'reward.clip': ['model.clip_reward_model', 'model.reward_lb', 'model.reward_ub'] },
  translate(given, target) {
    const on = given.get('model.clip_reward_model');
    if (on !== undefined && typeof on !== 'boolean') return unexpected('true or false', on);
    if (on === false) return { set: { 'reward.clip': null } };
    const now = target.value('reward.clip');
    if (on === undefined && now === null) {
      return {
        refuse: 'reward.clip is null, and bounds alone do not turn it on: say model.clip_reward_model=true too',
      };
    }
    // The reference's own defaults, where nothing is clipped so far.
    const [low, high] = Array.isArray(now) ? now : [-1, 1];
    return {
      set: { 'reward.clip': [given.get('model.reward_lb') ?? low, given.get('model.reward_ub') ?? high] },
    };
  },
};

/** One rank for both, where they have none of their own. */
const RANK: ReferenceRule = {
  names: ['model.lora_rank', 'model.policy_lora_rank', 'model.reward_lora_rank'],
  to: {
    'policy.lora.rank': ['model.lora_rank', 'model.policy_lora_rank'],
    'critic.lora.rank': ['model.lora_rank', 'model.reward_lora_rank'],
  },
  translate(given, target) {
    if (!target.has('policy.lora.rank')) return { refuse: 'an adapter says its own rank', dead: true };
    const shared = given.get('model.lora_rank');
    const policy = given.get('model.policy_lora_rank') ?? shared;
    const critic = given.get('model.reward_lora_rank') ?? (target.has('critic.lora.rank') ? shared : undefined);
    return {
      set: {
        ...(policy === undefined ? {} : { 'policy.lora.rank': policy }),
        ...(critic === undefined ? {} : { 'critic.lora.rank': critic }),
      },
    };
  },
};

/** Only the reference's token credit discounts, and its files say a discount for every kind. */
const GAMMA: ReferenceRule = {
  names: ['model.dense_gamma'],
  to: { 'credit.gamma': ['model.dense_gamma'] },
  translate(given, target) {
    const level = target.value('credit.level');
    if (!target.has('credit.gamma')) return { refuse: 'rewards are not discounted here', dead: true };
    return level === 'token'
      ? { set: { 'credit.gamma': given.get('model.dense_gamma') } }
      : { refuse: `only token credit discounts, credit.level is ${level}`, dead: true };
  },
};

/** The edits are for traces of calculations; rows of multiple choice come with wrong traces. */
const NEGATIVES: ReferenceRule = {
  names: ['model.num_neg_perturbations_per_expert', 'model.neg_perturb_fns'],
  to: {
    'negatives.per_expert': ['model.num_neg_perturbations_per_expert'],
    'negatives.functions': ['model.neg_perturb_fns'],
    'negatives.stored_per_expert': ['model.num_neg_perturbations_per_expert'],
  },
  translate(given, target) {
    const copies = given.get('model.num_neg_perturbations_per_expert');
    const functions = given.get('model.neg_perturb_fns');
    if (/^(?:medical|mmlu|science)/.test(String(target.value('data.format')))) {
      if (copies === undefined) return { refuse: 'the wrong traces of the rows are taken, not edits', dead: true };
      return {
        set: { 'negatives.stored_per_expert': copies, 'negatives.per_expert': 0 },
        because: 'of the wrong traces that come with the rows',
      };
    }
    return {
      set: {
        ...(copies === undefined ? {} : { 'negatives.per_expert': copies }),
        ...(functions === undefined ? {} : { 'negatives.functions': functions }),
      },
    };
  },
};

const POLICY: ReferenceRule = {
  names: ['model.pretrained', 'model.policy_name', 'model.name'],
  to: { 'policy.model': ['model.policy_name', 'model.name', 'model.pretrained'] },
  translate(given) {
    const pretrained = given.get('model.pretrained');
    const [name, other = name] = [given.get('model.policy_name'), given.get('model.name')].filter(
      (value) => value !== undefined,
    );
    if (!sameValue(name, other)) {
      return {
        refuse: `model.policy_name and model.name are one thing here, got ${String(name)} and ${String(other)}`,
      };
    }
    if (pretrained === undefined || pretrained === false) {
      return name === undefined
        ? { nothing: 'no other weights to start from' }
        : { set: { 'policy.model': hubId(name) } };
    }
    if (typeof pretrained !== 'string') return unexpected('the folder of a model, or false', pretrained);
    return { set: { 'policy.model': pretrained }, because: 'weights to start from come before the name of their base' };
  },
};

/** `airl` is whether an evaluation has a critic; the reference finds it in the checkpoint. */
const CRITIC: ReferenceRule = {
  names: ['airl', 'model.reward_name', 'model.frozen_discriminator_path', 'training.freeze_discriminator'],
  to: {
    'critic.model': ['model.reward_name', 'model.frozen_discriminator_path', 'airl'],
    'critic.freeze': ['training.freeze_discriminator'],
    'critic.freeze_after_warmup': [],
    'warmup.steps': [],
  },
  translate(given, target) {
    const name = hubId(given.get('model.reward_name'));
    if (target.kind === 'evaluate') {
      const on = given.get('airl');
      if (on === false) return { set: { 'critic.model': null } };
      if (on === undefined) return { set: { 'critic.model': name } };
      if (on !== true) return unexpected('true or false', on);
      return target.isSet('critic.model')
        ? { nothing: 'critic.model names the critic' }
        : { set: { 'critic.model': target.value('policy.model') }, because: 'the critic of the same checkpoint' };
    }
    if (given.has('airl')) return { refuse: 'training does not ask for it', dead: true };
    const path = given.get('model.frozen_discriminator_path');
    const frozen = given.get('training.freeze_discriminator');
    if (frozen === true && path === undefined && !target.isSet('critic.model')) {
      return { refuse: 'a critic that is never trained has to be named, by model.frozen_discriminator_path' };
    }
    const freeze = path !== undefined || frozen === true;
    if (path !== undefined) return { set: { 'critic.model': path, ...frozenFromStart(target) } };
    const set = name === undefined ? {} : { 'critic.model': criticStart(name, target) };
    if (Object.keys(set).length === 0 && !freeze) return { nothing: 'the critic is trained' };
    return { set: { ...set, ...(freeze ? frozenFromStart(target) : {}) } };
  },
};

function frozenFromStart(target: Target): Readonly<Record<string, unknown>> {
  return target.has('critic.freeze')
    ? { 'critic.freeze': true }
    : { 'critic.freeze_after_warmup': true, 'warmup.steps': 0 };
}

/** A critic that starts as the policy does is not loaded again: it shares the policy's frozen base. */
function criticStart(name: unknown, target: Target): unknown {
  return sameValue(name, target.value('policy.model')) ? null : name;
}

const KIND: ReferenceRule = {
  names: ['model.critic_type', 'model.reward_mode', 'model.lambda_shape'],
  to: {
    'critic.kind': ['model.critic_type'],
    'reward.form': ['model.reward_mode'],
    'reward.shape_weight': ['model.lambda_shape'],
  },
  translate(given, target) {
    const type = given.get('model.critic_type');
    const kinds: Readonly<Record<string, string>> = { standard: 'plain', airl_segment: 'shaped' };
    if (type !== undefined && !Object.hasOwn(kinds, String(type))) return unexpected('standard or airl_segment', type);
    const kind = type === undefined ? target.value('critic.kind') : kinds[String(type)];
    const set: Record<string, unknown> = type === undefined ? {} : { 'critic.kind': kind };
    const mode = given.get('model.reward_mode');
    const modes = ['standard', 'mean_f', 'mean_g', 'mean_g_plus_shape'];
    if (mode !== undefined && !modes.includes(String(mode))) return unexpected(`one of ${modes.join(', ')}`, mode);
    if (mode !== undefined) set['reward.form'] = String(mode).startsWith('mean_g') ? 'g' : 'f';
    if (mode === 'mean_g') set['reward.shape_weight'] = 0;
    if (mode === 'mean_g_plus_shape') set['reward.shape_weight'] = given.get('model.lambda_shape') ?? 1;
    // Only that mode reads the weight, and shipped files give it with others.
    if (Object.keys(set).length === 0)
      return { refuse: 'only model.reward_mode=mean_g_plus_shape reads it', dead: true };
    return { set };
  },
};

const LOSS: ReferenceRule = {
  names: ['model.classifier_loss', 'model.disc_pairwise_margin', 'model.disc_pairwise_negatives_per_prompt'],
  to: {
    'critic.loss': ['model.classifier_loss'],
    'critic.pairwise.margin': ['model.disc_pairwise_margin'],
    'critic.pairwise.negatives_per_prompt': ['model.disc_pairwise_negatives_per_prompt'],
  },
  translate(given, target) {
    const names: Readonly<Record<string, string>> = {
      bce: 'bce',
      pairwise: 'pairwise',
      gad: 'pairwise',
      gad_pairwise: 'pairwise',
      pairwise_bt: 'pairwise',
    };
    const loss = given.get('model.classifier_loss');
    if (loss === 'wgan') return { refuse: 'it has no penalty of the gradient; critic.loss=wasserstein has one' };
    if (loss !== undefined && !Object.hasOwn(names, String(loss))) {
      return unexpected(`one of ${Object.keys(names).join(', ')}`, loss);
    }
    const ours = loss === undefined ? target.value('critic.loss') : names[String(loss)];
    const set: Record<string, unknown> = loss === undefined ? {} : { 'critic.loss': ours };
    const margin = given.get('model.disc_pairwise_margin');
    const negatives = given.get('model.disc_pairwise_negatives_per_prompt');
    if (margin !== undefined && margin !== 0) set['critic.pairwise.margin'] = margin;
    if (margin === 0 && ours === 'pairwise') set['critic.pairwise.margin'] = 0;
    if (negatives !== undefined) set['critic.pairwise.negatives_per_prompt'] = negatives;
    // A margin of 0 stands in shipped files of the other loss too.
    return Object.keys(set).length === 0 ? { nothing: 'no pairs, no margin' } : { set };
  },
};

/** Which of two keys says the level of credit depends on the critic. */
const CREDIT: ReferenceRule = {
  names: ['model.advantage_calculation', 'model.policy_reward_density'],
  to: { 'credit.level': ['model.advantage_calculation', 'model.policy_reward_density'] },
  translate(given, target) {
    const density = given.get('model.policy_reward_density');
    const calculation = given.get('model.advantage_calculation');
    const levels: Readonly<Record<string, string>> = { average_dense: 'sequence', discounted_dense: 'token' };
    const densities: Readonly<Record<string, string>> = { sequence: 'sequence', interval: 'segment' };
    const isShaped = target.value('critic.kind') === 'shaped';
    if (density !== undefined && !Object.hasOwn(densities, String(density))) {
      return unexpected('sequence or interval', density);
    }
    if (density !== undefined && isShaped) return { set: { 'credit.level': densities[String(density)] } };
    if (density === 'interval') return { refuse: 'only the shaped critic (model.critic_type=airl_segment) reads it' };
    if (calculation === undefined) return { nothing: 'credit of whole sequences' };
    if (calculation === 'grpo' || calculation === 'prime') {
      return {
        refuse: `"${calculation}" is of an earlier version: say credit.level=sequence${calculation === 'prime' ? ' and credit.estimator=rloo' : ''}`,
      };
    }
    return Object.hasOwn(levels, String(calculation))
      ? { set: { 'credit.level': levels[String(calculation)] } }
      : unexpected('average_dense or discounted_dense', calculation);
  },
};

const LOCAL: ReferenceRule = {
  names: ['model.use_segment_local_advantage', 'model.local_signal'],
  to: { 'credit.local': ['model.use_segment_local_advantage', 'model.local_signal'] },
  translate(given) {
    const signal = given.get('model.local_signal') ?? 'drop_f';
    if (signal === 'g') return { refuse: 'the signal is clipped_delta_f or drop_f' };
    if (signal !== 'drop_f' && signal !== 'clipped_delta_f') return unexpected('clipped_delta_f or drop_f', signal);
    const on = given.get('model.use_segment_local_advantage');
    if (on !== undefined && typeof on !== 'boolean') return unexpected('true or false', on);
    if (on === true) return { set: { 'credit.local': signal } };
    return on === false
      ? { set: { 'credit.local': 'off' } }
      : { refuse: 'only model.use_segment_local_advantage=true reads it', dead: true };
  },
};

/** All programmatic rewards with weight 1: their own values are the reference's (r-airl.md, section 5, GRPO). */
const PROGRAMMATIC = { correctness: 2, xmlcount: 1, soft_format: 1, strict_format: 1, integer_answer: 1 } as const;

const OUTCOME: ReferenceRule = {
  names: ['model.use_outcome_rewards'],
  to: Object.fromEntries(
    ['outcome_weight', 'format_weight', ...Object.keys(PROGRAMMATIC).map((name) => `functions.${name}`)].map((name) => [
      `reward.${name}`,
      ['model.use_outcome_rewards'],
    ]),
  ),
  translate(given, target) {
    const on = given.get('model.use_outcome_rewards');
    if (typeof on !== 'boolean') return unexpected('true or false', on);
    const weights = Object.entries(PROGRAMMATIC).map(([name, weight]) => [`reward.functions.${name}`, weight] as const);
    if (!on) return { set: { 'reward.outcome_weight': 0, 'reward.format_weight': 0, ...functionsOff(target) } };
    return { set: Object.fromEntries(weights.filter(([key]) => target.has(key))), because: 'each with weight 1' };
  },
};

function functionsOff(target: Target): Readonly<Record<string, unknown>> {
  const keys = Object.keys(PROGRAMMATIC).map((name) => `reward.functions.${name}`);
  return Object.fromEntries(keys.filter((key) => target.isSet(key)).map((key) => [key, 0]));
}

const TOP_P: ReferenceRule = {
  names: ['sampling.top_p'],
  to: {},
  translate: (given) =>
    given.get('sampling.top_p') === 1
      ? { nothing: 'all tokens can be sampled' }
      : { refuse: 'probability ratios are exact only for samples of the whole distribution; leave it out' },
};

const REPORT_TO: ReferenceRule = {
  names: ['training.report_to'],
  to: { 'run.report_to': ['training.report_to'] },
  translate(given) {
    const sink = given.get('training.report_to');
    if (sink === 'none') return { nothing: 'metrics go to metrics.jsonl' };
    return sink === 'tensorboard' || sink === 'mlflow'
      ? { set: { 'run.report_to': [sink] } }
      : { refuse: 'metrics go to metrics.jsonl, and where run.report_to says: tensorboard, mlflow', dead: true };
  },
};

const OPSD_CLIP: ReferenceRule = {
  names: ['opsd.reward_lb', 'opsd.reward_ub'],
  to: { 'opsd.clip': ['opsd.reward_lb', 'opsd.reward_ub'] },
  translate(given, target) {
    const low = given.get('opsd.reward_lb');
    const high = given.get('opsd.reward_ub');
    const bound = high ?? (typeof low === 'number' ? -low : low);
    if (low !== undefined && high !== undefined && !sameValue(low, -Number(high))) {
      return Array.isArray(target.value('opsd.clip'))
        ? { set: { 'opsd.clip': [low, high] } }
        : { refuse: `the bounds are -opsd.clip and opsd.clip, got ${String(low)} and ${String(high)}` };
    }
    return { set: { 'opsd.clip': Array.isArray(target.value('opsd.clip')) ? [-Number(bound), Number(bound)] : bound } };
  },
};

/** In the order in which they are read: one may look at what an earlier one set. */
export const REFERENCE_RULES: readonly ReferenceRule[] = [
  POLICY,
  CRITIC,
  RANK,
  KIND,
  LOSS,
  CREDIT,
  GAMMA,
  LOCAL,
  NEGATIVES,
  CLIP,
  OUTCOME,
  BATCH,
  MICRO_BATCH,
  EVAL_BATCH,
  EVAL_MICRO_BATCH,
  TOP_P,
  REPORT_TO,
  OPSD_CLIP,
];
