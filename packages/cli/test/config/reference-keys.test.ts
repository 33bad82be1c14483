import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { fieldsOf } from '../../src/config/fields.ts';
import { valueAt } from '../../src/config/plain-object.ts';
import { REFERENCE_RULES } from '../../src/config/reference-rules.ts';
import { REFERENCE_TABLE } from '../../src/config/reference-table.ts';
import { type ConfigSources, resolveWithOrigins } from '../../src/config/resolve-config.ts';
import { CONFIG_KINDS, type ConfigKind } from '../../src/config/schema.ts';
import { REFERENCE_NAMES } from '../../src/config/translate-reference.ts';

const INPUTS = ['data.path=rows.jsonl', 'policy.model=model'];

function resolve<Kind extends ConfigKind>(kind: Kind, overrides: readonly string[], sources: ConfigSources = {}) {
  return resolveWithOrigins(kind, { ...sources, overrides: [...INPUTS, ...overrides] });
}

function refusal(kind: ConfigKind, overrides: readonly string[], sources: ConfigSources = {}): string {
  try {
    resolve(kind, overrides, sources);
  } catch (error) {
    if (error instanceof ConfigError) return error.faults.map(({ message }) => message).join('\n');
    throw error;
  }
  throw new Error(`${overrides.join(' ')} was accepted`);
}

/** Rows of r-airl.md, section 11: what is typed, and what it comes to. */
const ACCEPTED: readonly (readonly [ConfigKind, string, Readonly<Record<string, unknown>>])[] = [
  ['irl', 'seed=7', { 'run.seed': 7 }],
  ['irl', 'model.load_in_4bit=false', { 'policy.dtype': 'stored', 'critic.dtype': 'stored' }],
  ['sft', 'model.load_in_4bit=true model.lora_rank=64', { 'policy.dtype': 'nf4', 'policy.lora.rank': 64 }],
  ['evaluate', 'airl=true', { 'critic.model': 'model' }],
  ['evaluate', 'airl=false', { 'critic.model': null }],
  [
    'evaluate',
    'airl=true model.reward_name=Qwen/Qwen2.5-7B-Instruct critic.model=runs/a',
    { 'critic.model': 'runs/a' },
  ],
  ['irl', 'model.policy_name=model model.reward_name=other', { 'policy.model': 'model', 'critic.model': 'other' }],
  ['irl', 'model.reward_name=model', { 'critic.model': null }],
  ['irl', 'model.reward_name=llama8b', { 'critic.model': 'meta-llama/Llama-3.1-8B-Instruct' }],
  ['evaluate', 'model.name=model', { 'policy.model': 'model' }],
  ['evaluate', 'checkpoint=model', { 'policy.model': 'model' }],
  ['irl', 'model.checkpoint=500', {}],
  [
    'irl',
    'model.max_prompt_length=200 model.max_completion_length=400',
    { 'data.max_prompt_tokens': 200, 'data.max_completion_tokens': 400 },
  ],
  ['irl', 'model.policy_lora_rank=16 model.reward_lora_rank=8', { 'policy.lora.rank': 16, 'critic.lora.rank': 8 }],
  ['irl', 'model.lora_rank=8 model.reward_lora_rank=4', { 'policy.lora.rank': 8, 'critic.lora.rank': 4 }],
  ['irl', 'model.lora_rank=8', { 'policy.lora.rank': 8, 'critic.lora.rank': 8 }],
  ['irl', 'model.policy_learning_rate=5e-6 model.reward_learning_rate=2e-5', { 'policy.lr': 5e-6, 'critic.lr': 2e-5 }],
  ['grpo', 'training.learning_rate=1e-5', { 'policy.lr': 1e-5 }],
  ['sft', 'model.pretrained=false', { 'policy.model': 'model' }],
  ['irl', 'model.frozen_discriminator_path=runs/c', { 'critic.model': 'runs/c', 'critic.freeze': true }],
  ['irl', 'training.freeze_discriminator=true critic.model=runs/c', { 'critic.freeze': true }],
  ['irl', 'model.critic_type=standard', { 'critic.kind': 'plain' }],
  ['irl', 'model.critic_type=airl_segment reward.granularity=interval', { 'critic.kind': 'shaped' }],
  ['irl', 'model.dense_rewards=false', { 'reward.granularity': 'sparse' }],
  ['irl', 'model.dense_rewards=partial', { 'reward.granularity': 'step' }],
  ['irl', 'model.dense_rewards=partial_fixed', { 'reward.granularity': 'interval' }],
  ['irl', 'model.dense_rewards=full', { 'reward.granularity': 'dense' }],
  ['evaluate', 'model.dense_rewards=true', { 'reward.granularity': 'dense' }],
  ['irl', 'model.dense_partial_fixed_n=10', { 'reward.interval_tokens': 10 }],
  ['irl', 'model.segment_tokens=20', { 'reward.interval_tokens': 20 }],
  ['irl', 'model.reward_mode=mean_f', { 'reward.form': 'f' }],
  [
    'irl',
    'model.critic_type=airl_segment model.reward_mode=mean_g reward.granularity=interval',
    { 'reward.form': 'g', 'reward.shape_weight': 0 },
  ],
  [
    'irl',
    'model.critic_type=airl_segment model.reward_mode=mean_g_plus_shape model.lambda_shape=0.5 reward.granularity=step',
    { 'reward.form': 'g', 'reward.shape_weight': 0.5 },
  ],
  ['irl', 'model.disc_temperature=2', { 'reward.temperature': 2 }],
  ['irl', 'model.clip_reward_model=true model.reward_lb=-2 model.reward_ub=3', { 'reward.clip': [-2, 3] }],
  ['irl', 'model.clip_reward_model=false model.reward_lb=-2', { 'reward.clip': null }],
  ['irl', 'model.reward_lb=-10', { 'reward.clip': [-10, 5] }],
  ['irl', 'model.use_outcome_rewards=false', { 'reward.outcome_weight': 0 }],
  ['irl', 'model.use_outcome_rewards=true', { 'reward.functions.correctness': 2, 'reward.functions.xmlcount': 1 }],
  ['irl', 'model.classifier_loss=bce model.disc_pairwise_margin=0.0', { 'critic.loss': 'bce' }],
  ...['gad', 'gad_pairwise', 'pairwise_bt'].map(
    (loss) =>
      [
        'irl',
        `model.classifier_loss=${loss} model.disc_pairwise_margin=0.5 model.disc_pairwise_negatives_per_prompt=1 negatives.per_expert=0`,
        {
          'critic.loss': 'pairwise',
          'critic.pairwise.margin': 0.5,
          'critic.pairwise.negatives_per_prompt': 1,
        },
      ] as const,
  ),
  ['irl', 'model.disc_label_smoothing=0.05', { 'critic.label_smoothing': 0.05 }],
  ['irl', 'model.reward_updates_per_policy_step=2', { 'critic.updates_per_round': 2 }],
  ['irl', 'model.reward_updates_per_policy_step=0', { 'critic.freeze_after_warmup': true }],
  [
    'irl',
    'model.critic_type=airl_segment reward.granularity=interval model.airl_gamma=0.9 model.h_head_lr_mult=0.25 model.h_l2_penalty=0 model.shape_l2_penalty=1e-3 model.shape_clamp=2',
    {
      'critic.shaping.gamma': 0.9,
      'critic.shaping.lr_mult': 0.25,
      'critic.shaping.h_l2': 0,
      'critic.shaping.shape_l2': 1e-3,
      'critic.shaping.clamp': 2,
    },
  ],
  ['irl', 'model.advantage_calculation=average_dense', { 'credit.level': 'sequence' }],
  [
    'irl',
    'model.dense_rewards=full model.advantage_calculation=discounted_dense model.dense_gamma=0.9',
    { 'credit.level': 'token', 'credit.gamma': 0.9 },
  ],
  [
    'irl',
    'model.critic_type=airl_segment model.policy_reward_density=interval reward.granularity=interval',
    { 'credit.level': 'segment' },
  ],
  ['irl', 'model.policy_reward_density=sequence', { 'credit.level': 'sequence' }],
  ['irl', 'scale_rewards=batch', { 'credit.scale': 'batch' }],
  ['irl', 'model.add_expert_to_policy_optim=true', { 'credit.expert_in_group': true }],
  [
    'irl',
    'model.use_segment_local_advantage=true model.local_signal=drop_f model.lambda_local=0.1 model.clipped_delta_f_min=-2.0 model.clipped_delta_f_max=2 reward.granularity=step',
    { 'credit.local': 'drop_f', 'credit.local_weight': 0.1 },
  ],
  ['irl', 'model.use_segment_local_advantage=false model.local_signal=drop_f', { 'credit.local': 'off' }],
  [
    'irl',
    'model.num_neg_perturbations_per_expert=2 model.neg_perturb_fns=[corrupt_numbers]',
    { 'negatives.per_expert': 2, 'negatives.functions': ['corrupt_numbers'] },
  ],
  [
    'irl',
    'dataset.name=medical_kd model.num_neg_perturbations_per_expert=2 model.neg_perturb_fns=[corrupt_numbers]',
    { 'negatives.per_expert': 0, 'negatives.stored_per_expert': 2 },
  ],
  ['irl', 'model.switch_label_if_correct=true', { 'relabel.mode': 'expert-agreement' }],
  ['irl', 'model.switch_label_if_correct=false', { 'relabel.mode': 'off' }],
  ['irl', 'training.buffer_size=50', { 'replay.rounds': 50 }],
  ['irl', 'training.reward_warmup_steps=250', { 'warmup.steps': 250 }],
  ['irl', 'model.warmup_reward_dir=runs/warm', { 'warmup.load_from': 'runs/warm' }],
  [
    'irl',
    'model.warmup_reward_dir=runs/warm training.continue_reward_warmup_after_load=true training.load_warmup_reward_optimizer=false',
    { 'warmup.continue': true, 'warmup.load_optimizer': false },
  ],
  ['irl', 'training.freeze_reward_after_warmup=true', { 'critic.freeze_after_warmup': true }],
  ['irl', 'training.verify_reward_updates=true training.fail_on_unchanged_reward_checkpoint=true', {}],
  [
    'irl',
    'dataset.name=mmlu_kd dataset.split=train dataset.train_ratio=1.0 dataset.val_ratio=0.2',
    { 'data.format': 'mmlu_kd', 'data.split': 'train', 'data.dev_fraction': 0.2 },
  ],
  ['evaluate', 'dataset.name=aime2024', { 'data.format': 'aime_2024' }],
  [
    'irl',
    'dataset.no_system=true dataset.expert_error_rate=0.1',
    { 'data.no_system': true, 'data.expert_error_rate': 0.1 },
  ],
  [
    'irl',
    'training.warmup_ratio=0.05 training.adam_beta1=0.8 training.adam_beta2=0.95 training.weight_decay=0 training.lr_scheduler_type=linear training.max_grad_norm=0.5',
    {
      'optim.warmup_ratio': 0.05,
      'optim.beta1': 0.8,
      'optim.beta2': 0.95,
      'optim.weight_decay': 0,
      'optim.schedule': 'linear',
      'optim.max_grad_norm': 0.5,
    },
  ],
  ['irl', 'training.optim=paged_adamw_8bit', {}],
  [
    'irl',
    'training.per_device_train_batch_size=16 training.gradient_accumulation_steps=8',
    { 'train.prompts_per_round': 16 },
  ],
  ['irl', 'training.gradient_accumulation_steps=10', { 'train.prompts_per_round': 20 }],
  [
    'sft',
    'training.per_device_train_batch_size=16 training.gradient_accumulation_steps=2',
    { 'train.rows_per_step': 32 },
  ],
  ['irl', 'sampling.num_generations=4', { 'sampling.group_size': 4, 'train.prompts_per_round': 32 }],
  ['irl', 'training.max_micro_batch=4', { 'train.micro_batch_tokens': 4 * 1124 }],
  ['irl', 'training.max_micro_batch=4 training.reward_score_micro_batch=8', { 'train.micro_batch_tokens': 8 * 1124 }],
  ['irl', 'training.max_steps=280', { 'train.max_steps': 280 }],
  ['irl', 'training.beta=0.05', { 'policy.kl_beta': 0.05 }],
  ['irl', 'training.output_dir=outputs/a training.report_to=none', { 'run.dir': 'outputs/a' }],
  ['irl', 'training.resume_from_checkpoint=true', { 'run.resume': 'auto' }],
  ['irl', 'training.report_to=tensorboard', { 'run.report_to': ['tensorboard'] }],
  ['irl', 'sampling.temperature=0.7 sampling.top_p=1', { 'sampling.temperature': 0.7 }],
  ['evaluate', 'sampling.n_samples=8 eval.ks=[1,3]', { 'eval.samples_per_prompt': 8, 'eval.ks': [1, 3] }],
  ['irl', 'eval.eval_steps=70', { 'eval.every_steps': 70 }],
  [
    'evaluate',
    'eval.per_device_eval_batch_size=32 eval.max_micro_batch=96',
    { 'eval.batch': 32, 'eval.micro_batch_tokens': 96 * 1124 },
  ],
  [
    'evaluate',
    'eval.mode=pregenerated_policy eval.pregenerated_jsonl_path=a.jsonl eval.pregenerated_source_dir=b eval.pregenerated_candidates=[c.jsonl] eval.output_file=d.jsonl eval.compute_policy_log_probs=true eval.compute_reward_model_scores=false sampling.top_p=0.95',
    {
      'eval.mode': 'pregenerated_policy',
      'eval.input': 'a.jsonl',
      'eval.input_dir': 'b',
      'eval.input_candidates': ['c.jsonl'],
      'eval.output': 'd.jsonl',
      'eval.policy_log_probs': true,
      'eval.critic_scores': false,
      'sampling.top_p': 0.95,
    },
  ],
  [
    'opsd',
    'opsd.max_micro_batch=2 opsd.reward_temperature=2 opsd.reward_lb=-3 opsd.reward_ub=4 opsd.normalize_weights=true',
    {
      'train.micro_batch_tokens': 2 * 1124,
      'opsd.temperature': 2,
      'opsd.clip': [-3, 4],
      'opsd.normalise': true,
    },
  ],
  [
    'evaluate',
    'guidance.method=chunk guidance.k=3 guidance.alpha=2 guidance.step_size=5 guidance.n_candidates=2 guidance.dense_reward_gamma=0.9 critic.model=runs/c',
    { 'guidance.method': 'chunk', 'guidance.k': 3, 'guidance.step_size': 5, 'guidance.gamma': 0.9 },
  ],
  ['irl', 'wandb.run_name=x', { 'run.name': 'x' }],
];

const REFUSED: readonly (readonly [ConfigKind, string, RegExp])[] = [
  ['irl', 'unsloth=true', /another engine/],
  ['irl', 'model.fast_inference=true', /another engine/],
  ['irl', 'model.policy_gpu_memory_utilization=0.4', /another engine/],
  ['irl', 'model.reward_gpu_memory_utilization=0.4', /another engine/],
  ['evaluate', 'eval.use_vllm=true', /another engine/],
  ['irl', 'airl=true', /training does not ask/],
  ['irl', 'model.policy_name=a model.name=b', /one thing here, got a and b/],
  ['irl', 'model.critic_density=interval', /follows from reward.granularity/],
  ['irl', 'model.dense_rewards=dense', /expected one of false, partial, partial_fixed, full, true, got "dense"/],
  ['irl', 'model.critic_type=shaped', /expected standard or airl_segment/],
  ['irl', 'model.reward_mode=g', /expected one of standard, mean_f/],
  ['irl', 'model.classifier_loss=wgan', /critic.loss=wasserstein/],
  ['irl', 'reward.clip=null model.reward_ub=2', /bounds alone do not turn it on/],
  ['irl', 'model.use_outcome_rewards=some', /expected true or false/],
  ...[
    'model.gradient_penalty_coef=10',
    'model.entropy_reg_coef=0',
    'model.neg_sample_weight=1',
    'model.response_only=false',
    'model.normalise_rewards=false',
    'model.neg_label_smoothing=0',
    'model.add_expert_to_policy_balanced=false',
    'training.policy_per_device_train_batch_size=8',
    'training.reward_gradient_accumulation_steps=1',
  ].map((given) => ['irl', given, /the reference code never reads it/] as const),
  ['irl', 'training.standard_grpo=true', /say `train grpo`/],
  ['irl', 'training.standard_grpo=false', /the verb says it/],
  ['irl', 'model.log_segment_example=true', /samples.jsonl/],
  ['irl', 'model.debug_check_segment_finite=true', /always on/],
  ['irl', 'model.advantage_calculation=grpo', /earlier version: say credit.level=sequence/],
  ['irl', 'model.advantage_calculation=prime', /credit.estimator=rloo/],
  ['irl', 'model.policy_reward_density=token', /expected sequence or interval/],
  ['irl', 'model.policy_reward_density=interval', /only the shaped critic/],
  ['irl', 'model.dense_gamma=0.9', /only token credit discounts/],
  ['irl', 'model.use_segment_local_advantage=true model.local_signal=g', /clipped_delta_f or drop_f/],
  ['irl', 'model.clipped_delta_f_min=-1', /the bound is -2/],
  ['irl', 'training.buffer_size=0.5', /expected a whole number/],
  ['irl', 'training.freeze_discriminator=true', /has to be named/],
  ['irl', 'training.verify_reward_updates=false', /always on/],
  ['irl', 'training.fail_on_unchanged_reward_checkpoint=false', /always on/],
  ['irl', 'dataset.train_ratio=0.5', /say data.max_rows/],
  ['irl', 'dataset.val_ratio=1.0', /cut from those to train on/],
  ['irl', 'training.optim=lion_8bit', /the optimiser is AdamW/],
  [
    'irl',
    'training.per_device_train_batch_size=2 training.gradient_accumulation_steps=1',
    /2 x 1 = 2 completions a round/,
  ],
  ['sft', 'training.num_generations=8', /nothing is sampled/],
  ['irl', 'training.epochs=2', /train.max_steps says it/],
  ['irl', 'training.logging_steps=10', /every step/],
  ['irl', 'training.report_to=wandb', /metrics go to metrics.jsonl/],
  ['irl', 'training.resume_from_checkpoint=a', /in its own folder/],
  ['irl', 'sampling.top_p=0.95', /whole distribution/],
  ['irl', 'eval.per_device_eval_batch_size=32', /train.micro_batch_tokens/],
  ...['do_eval=true', 'eval_strategy=steps', 'eval_accumulation_steps=2', 'prediction_loss_only=false'].map(
    (given) => ['irl', `eval.${given}`, /no such choice/] as const,
  ),
  ['evaluate', 'eval.report_to=none', /run folder/],
  ['opsd', 'opsd.mode=direct', /one way/],
  ['irl', 'wandb.project=a', /metrics.jsonl/],
  ['irl', 'wandb.entity=a', /metrics.jsonl/],
  ['irl', 'wandb.id=a', /metrics.jsonl/],
  ['irl', 'wandb.resume=must', /--resume/],
  // A key that another verb has is answered with its name here.
  ['sft', 'training.beta=0.1', /here it is policy.kl_beta \(which train sft does not have\)/],
  ['evaluate', 'model.policy_lora_rank=256', /an adapter says its own rank/],
  ['evaluate', 'model.dense_gamma=0.99', /not discounted/],
  ['irl', 'dataset.name=mmlu_kd model.neg_perturb_fns=[corrupt_numbers]', /the wrong traces of the rows/],
];

describe('a key of the reference code', () => {
  it.each(ACCEPTED)('of %s is accepted: %s', (kind, typed, wanted) => {
    const { config } = resolve(kind, typed.split(' '));
    for (const [key, value] of Object.entries(wanted)) {
      expect(valueAt(config, key.split('.')), key).toEqual(value);
    }
  });

  it.each(REFUSED)('of %s is refused with the reason: %s', (kind, typed, reason) => {
    expect(refusal(kind, typed.split(' '))).toMatch(reason);
  });

  it('has a case above', () => {
    const tested = new Set(
      [...ACCEPTED, ...REFUSED].flatMap(([, typed]) =>
        typed.split(' ').map((text) => text.slice(0, text.indexOf('='))),
      ),
    );
    const ENGINE = ['model.gpu_memory_utilization'];
    const LIKE_ANOTHER = [...REFERENCE_NAMES].filter((name) =>
      /_balanced$|_per_device_train_batch_size$|(?:policy|reward)_gradient_accumulation_steps$/.test(name),
    );
    const rest = [...REFERENCE_NAMES].filter(
      (name) => !tested.has(name) && ![...ENGINE, ...LIKE_ANOTHER].includes(name),
    );
    expect(rest.toSorted()).toEqual(['model.use_gradient_checkpointing', 'training.adam_epsilon']);
  });

  it('stands for keys that exist', () => {
    const keys = new Set(CONFIG_KINDS.flatMap((kind) => fieldsOf(kind).map(({ key }) => key)));
    const wanted = [
      ...Object.values(REFERENCE_TABLE).flatMap((entry) => ('to' in entry ? entry.to : [])),
      ...REFERENCE_RULES.flatMap(({ to }) => Object.keys(to)),
    ];
    expect(wanted.filter((key) => !keys.has(key))).toEqual([]);
  });

  it('is said once with its new name and the arithmetic', () => {
    const { notes } = resolve('irl', [
      'model.dense_rewards=partial_fixed',
      'training.per_device_train_batch_size=16',
      'training.gradient_accumulation_steps=8',
      'model.reward_lb=-2.0',
    ]);
    expect(notes.toSorted()).toEqual([
      'model.dense_rewards=partial_fixed -> reward.granularity=interval',
      'model.reward_lb=-2 -> reward.clip=[-2,5]',
      'training.per_device_train_batch_size=16 training.gradient_accumulation_steps=8 -> train.prompts_per_round=16 (16 x 8 completions / 8 samples a prompt)',
    ]);
    expect(resolve('irl', ['reward.granularity=interval']).notes).toEqual([]);
  });

  it('may come in a file, and is changed by the command line under either name', () => {
    const file = {
      path: 'a.yaml',
      text: 'model: { dense_rewards: full, warmup_reward_dir: }\ntraining: { beta: 0.2 }',
    };
    const { config, originOf } = resolve('irl', ['reward.granularity=step', 'training.beta=0.3'], { file });
    expect(config.reward.granularity).toBe('step');
    expect(config.policy.kl_beta).toBe(0.3);
    expect(originOf('policy.kl_beta')).toMatchObject({ place: 'training.beta=0.3', reference: 'training.beta' });
    expect(resolve('irl', [], { file }).originOf('reward.granularity')?.place).toBe('a.yaml:1');
  });

  it('has to agree with the new name where both are given', () => {
    expect(refusal('irl', ['model.dense_rewards=full', 'reward.granularity=step'])).toMatch(
      /it says reward\.granularity=dense, and reward\.granularity=step says step\. Leave one out/,
    );
    expect(refusal('irl', ['model.segment_tokens=15', 'model.dense_partial_fixed_n=10'])).toMatch(/Leave one out/);
    expect(resolve('irl', ['model.dense_rewards=full', 'reward.granularity=dense']).config.reward.granularity).toBe(
      'dense',
    );
  });

  it('that does nothing can be left out in one go', () => {
    const file = {
      path: 'a.yaml',
      text: 'unsloth: true\nmodel:\n  fast_inference: ${unsloth}\n  response_only: false',
    };
    expect(refusal('irl', [], { file })).toMatch(/Leave it out; --drop-dead-keys does/);
    const { notes } = resolve('irl', [], { file, dropDead: true });
    expect(notes).toContain('model.response_only=false left out: the reference code never reads it');
    // What would change the run is refused all the same.
    expect(refusal('irl', ['sampling.top_p=0.95'], { dropDead: true })).toMatch(/whole distribution/);
  });
});
