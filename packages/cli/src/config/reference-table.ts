import { type Outcome, type ReferenceEntry, type Refusal, type Renamed, unexpected } from './reference-outcome.ts';

/*
 * What became of the keys of the method's reference code (fanconic/expert_reasoning; r-airl.md, section 11). Names that
 * mean something only together are in reference-rules.ts.
 */

type Value = Outcome | { readonly value: unknown };

const now = (...to: string[]): Renamed => ({ to });
const as = (to: string | readonly string[], value: (value: unknown) => Value): Renamed => ({
  to: typeof to === 'string' ? [to] : to,
  value,
});
const why = (refuse: string): Refusal => ({ refuse });
const dead = (refuse: string): Refusal => ({ refuse, dead: true });

/** A value out of a list: of ours, or an answer. */
const choice = (values: Readonly<Record<string, unknown>>) => (value: unknown) => {
  const key = String(value);
  if (!Object.hasOwn(values, key)) return unexpected(`one of ${Object.keys(values).join(', ')}`, value);
  const ours = values[key];
  return isOutcome(ours) ? ours : { value: ours };
};

function isOutcome(value: unknown): value is Outcome {
  return typeof value === 'object' && value !== null && ('refuse' in value || 'nothing' in value || 'set' in value);
}

/** A value that asks for what happens anyway, and what to say to any other. */
const only = (same: readonly unknown[], nothing: string, refuse: string): Renamed => ({
  to: [],
  value: (value) => (same.includes(value) ? { nothing } : { refuse }),
});

const ENGINE = dead('it belongs to another engine');
const DEAD = dead('the reference code never reads it');
const EVAL = dead('evaluation in training has no such choice');
const ALWAYS = only([true], 'always on', 'it is always on');
const CLAMP = (bound: number) => only([bound], `the bound is ${bound}`, `the bound is ${bound}, and no setting`);

/** The shipped configurations of the reference have short names for models (its folders) and full ones. */
const MODEL_IDS: Readonly<Record<string, string>> = {
  qwen3b: 'Qwen/Qwen2.5-3B-Instruct',
  qwen4b: 'Qwen/Qwen3-4B-Instruct-2507',
  qwen7b: 'Qwen/Qwen2.5-7B-Instruct',
  llama3b: 'meta-llama/Llama-3.2-3B-Instruct',
  llama8b: 'meta-llama/Llama-3.1-8B-Instruct',
};

/** A model as the reference names it, under its name on the hub. */
export function hubId(model: unknown): unknown {
  return typeof model === 'string' && Object.hasOwn(MODEL_IDS, model) ? MODEL_IDS[model] : model;
}

const model = (to: string): Renamed => as(to, (name) => ({ value: hubId(name) }));

const adamw = (name: unknown): Value =>
  typeof name === 'string' && /^(?:paged_)?adamw(?:_|$)/.test(name)
    ? { nothing: 'the optimiser is AdamW, its moments are in 32 bits' }
    : { refuse: `the optimiser is AdamW, got ${JSON.stringify(name)}` };

export const REFERENCE_TABLE: Readonly<Record<string, ReferenceEntry>> = {
  seed: now('run.seed'),
  unsloth: ENGINE,
  checkpoint: model('policy.model'),
  scale_rewards: as(
    'credit.scale',
    choice({ group: 'group', batch: 'batch', none: 'none', true: 'group', false: 'none' }),
  ),

  'model.fast_inference': ENGINE,
  'model.policy_gpu_memory_utilization': ENGINE,
  'model.reward_gpu_memory_utilization': ENGINE,
  'model.gpu_memory_utilization': ENGINE,
  'model.load_in_4bit': as(['policy.dtype', 'critic.dtype'], choice({ true: 'nf4', false: 'stored' })),
  'model.use_gradient_checkpointing': as(
    'train.gradient_checkpointing',
    choice({ true: true, false: false, unsloth: true }),
  ),
  'model.checkpoint': as([], () => ({ nothing: 'other keys refer to it' })),
  'model.max_prompt_length': now('data.max_prompt_tokens'),
  'model.max_completion_length': now('data.max_completion_tokens'),
  'model.policy_learning_rate': now('policy.lr'),
  'model.reward_learning_rate': now('critic.lr'),
  'training.learning_rate': now('policy.lr'),
  'model.critic_density': dead('it follows from reward.granularity'),
  'model.dense_rewards': as(
    'reward.granularity',
    choice({ false: 'sparse', partial: 'step', partial_fixed: 'interval', full: 'dense', true: 'dense' }),
  ),
  'model.dense_partial_fixed_n': now('reward.interval_tokens'),
  'model.segment_tokens': now('reward.interval_tokens'),
  'model.disc_temperature': now('reward.temperature'),
  'model.disc_label_smoothing': now('critic.label_smoothing'),
  'model.reward_updates_per_policy_step': as(
    'critic.updates_per_round',
    (updates): Value => (updates === 0 ? { set: { 'critic.freeze_after_warmup': true } } : { value: updates }),
  ),
  'model.gradient_penalty_coef': DEAD,
  'model.entropy_reg_coef': DEAD,
  'model.neg_sample_weight': DEAD,
  'model.response_only': DEAD,
  'model.normalise_rewards': DEAD,
  'model.neg_label_smoothing': DEAD,
  'model.log_segment_example': dead('samples.jsonl holds samples with their segments'),
  'model.debug_check_segment_finite': dead('finite checks are always on'),
  'model.airl_gamma': now('critic.shaping.gamma'),
  'model.h_head_lr_mult': now('critic.shaping.lr_mult'),
  'model.h_l2_penalty': now('critic.shaping.h_l2'),
  'model.shape_l2_penalty': now('critic.shaping.shape_l2'),
  'model.shape_clamp': now('critic.shaping.clamp'),
  'model.add_expert_to_policy_optim': now('credit.expert_in_group'),
  'model.add_expert_to_policy_balanced': DEAD,
  'model.add_expert_to_policy_optim_balanced': DEAD,
  'model.lambda_local': now('credit.local_weight'),
  'model.clipped_delta_f_min': CLAMP(-2),
  'model.clipped_delta_f_max': CLAMP(2),
  'model.switch_label_if_correct': as('relabel.mode', choice({ true: 'expert-agreement', false: 'off' })),

  'training.standard_grpo': as(
    [],
    choice({ true: why('say `train grpo`'), false: dead('the verb says it, `train irl`') }),
  ),
  'training.policy_per_device_train_batch_size': DEAD,
  'training.reward_per_device_train_batch_size': DEAD,
  'training.policy_gradient_accumulation_steps': DEAD,
  'training.reward_gradient_accumulation_steps': DEAD,
  'model.policy_per_device_train_batch_size': DEAD,
  'model.reward_per_device_train_batch_size': DEAD,
  'model.policy_gradient_accumulation_steps': DEAD,
  'model.reward_gradient_accumulation_steps': DEAD,
  'training.buffer_size': now('replay.rounds'),
  'training.reward_warmup_steps': now('warmup.steps'),
  'model.warmup_reward_dir': now('warmup.load_from'),
  'training.continue_reward_warmup_after_load': now('warmup.continue'),
  'training.load_warmup_reward_optimizer': now('warmup.load_optimizer'),
  'training.freeze_reward_after_warmup': now('critic.freeze_after_warmup'),
  'training.verify_reward_updates': ALWAYS,
  'training.fail_on_unchanged_reward_checkpoint': ALWAYS,
  'training.warmup_ratio': now('optim.warmup_ratio'),
  'training.adam_beta1': now('optim.beta1'),
  'training.adam_beta2': now('optim.beta2'),
  'training.adam_epsilon': now('optim.epsilon'),
  'training.weight_decay': now('optim.weight_decay'),
  'training.lr_scheduler_type': as(
    'optim.schedule',
    choice({ cosine: 'cosine', linear: 'linear', constant: 'constant', constant_with_warmup: 'constant' }),
  ),
  'training.max_grad_norm': now('optim.max_grad_norm'),
  'training.optim': as([], adamw),
  'training.max_steps': now('train.max_steps'),
  'training.epochs': dead('train.max_steps says it, and comes before it in the reference too'),
  'training.logging_steps': dead('metrics.jsonl holds every step'),
  'training.beta': now('policy.kl_beta'),
  'training.output_dir': now('run.dir'),
  'training.resume_from_checkpoint': as(
    'run.resume',
    (resume): Value =>
      typeof resume === 'boolean'
        ? { value: resume ? 'auto' : 'never' }
        : { refuse: 'a run goes on in its own folder: say run.dir, and --resume or run.resume' },
  ),

  'dataset.name': as('data.format', (name) => ({
    value: name === 'aime2024' || name === 'aime2025' ? String(name).replace('aime', 'aime_') : name,
  })),
  'dataset.split': now('data.split'),
  'dataset.train_ratio': only([1], 'all rows are taken', 'say data.max_rows'),
  'dataset.val_ratio': as('data.dev_fraction', (ratio) =>
    typeof ratio === 'number' && ratio > 0.9
      ? {
          refuse:
            'dev rows are cut from those to train on, not from the test split: say data.dev_fraction, at most 0.9',
        }
      : { value: ratio },
  ),
  'dataset.no_system': now('data.no_system'),
  'dataset.expert_error_rate': now('data.expert_error_rate'),

  'sampling.n_samples': now('eval.samples_per_prompt'),
  'eval.pregenerated_jsonl_path': now('eval.input'),
  'eval.pregenerated_source_dir': now('eval.input_dir'),
  'eval.pregenerated_candidates': now('eval.input_candidates'),
  'eval.output_file': now('eval.output'),
  'eval.compute_policy_log_probs': now('eval.policy_log_probs'),
  'eval.compute_reward_model_scores': now('eval.critic_scores'),
  'eval.eval_steps': now('eval.every_steps'),
  'eval.do_eval': EVAL,
  'eval.eval_strategy': EVAL,
  'eval.eval_accumulation_steps': EVAL,
  'eval.prediction_loss_only': EVAL,
  'eval.report_to': dead('results are written to the run folder'),
  'eval.use_vllm': ENGINE,
  'guidance.method': now('guidance.method'),
  'guidance.k': now('guidance.k'),
  'guidance.alpha': now('guidance.alpha'),
  'guidance.step_size': now('guidance.step_size'),
  'guidance.n_candidates': now('guidance.n_candidates'),
  'guidance.dense_reward_gamma': now('guidance.gamma'),
  'opsd.reward_temperature': now('opsd.temperature'),
  'opsd.normalize_weights': now('opsd.normalise'),
  'opsd.mode': dead('there is one way, the direct one'),
  'wandb.run_name': now('run.name'),
  'wandb.project': dead('metrics go to metrics.jsonl'),
  'wandb.entity': dead('metrics go to metrics.jsonl'),
  'wandb.id': dead('metrics go to metrics.jsonl'),
  'wandb.resume': dead('say --resume'),
};
