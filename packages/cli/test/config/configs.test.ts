import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';
import { kindOfFile } from '../../src/config/kind-of-file.ts';
import { valueAt } from '../../src/config/plain-object.ts';
import { readConfigFile } from '../../src/config/read-config-file.ts';
import { resolveConfig } from '../../src/config/resolve-config.ts';
import type { ConfigKind } from '../../src/config/schema.ts';
import { runMain } from '../run-main.ts';

const CONFIGS = relative('', join(import.meta.dirname, '../../../../configs'));
const DOMAINS = ['math', 'medicine', 'mmlu', 'aime'];
const MODELS: Readonly<Record<string, string>> = {
  qwen3b: 'Qwen/Qwen2.5-3B-Instruct',
  qwen4b: 'Qwen/Qwen3-4B-Instruct-2507',
  qwen7b: 'Qwen/Qwen2.5-7B-Instruct',
  llama3b: 'meta-llama/Llama-3.2-3B-Instruct',
  llama8b: 'meta-llama/Llama-3.1-8B-Instruct',
};

/** The scale of the paper: r-airl.md, sections 4.5, 5 and 11. */
const TRAINING = {
  'run.seed': 42,
  'data.max_prompt_tokens': 300,
  'data.max_completion_tokens': 824,
  'data.dev_fraction': 0.1,
  'policy.dtype': 'nf4',
  'policy.lora.rank': 256,
  'policy.lora.alpha': 512,
  'optim.beta1': 0.9,
  'optim.beta2': 0.99,
  'optim.weight_decay': 0.1,
  'optim.max_grad_norm': 1,
  'optim.schedule': 'cosine',
  'optim.warmup_ratio': 0.1,
  'train.max_steps': 400,
  'eval.every_steps': 100,
  'eval.samples_per_prompt': 1,
  'eval.temperature': 1,
};
const ROUND = { 'sampling.group_size': 8, 'sampling.temperature': 1, 'train.prompts_per_round': 16 };
const IRL = {
  ...TRAINING,
  ...ROUND,
  'policy.lr': 5e-6,
  'policy.kl_beta': 0.1,
  'policy.clip': 0.2,
  'critic.model': null,
  'critic.dtype': 'nf4',
  'critic.lr': 1e-5,
  'critic.lora.rank': 256,
  'critic.label_smoothing': 0.1,
  'critic.updates_per_round': 3,
  'reward.granularity': 'step',
  'reward.interval_tokens': 15,
  'reward.temperature': 1,
  'reward.clip': [-5, 5],
  'reward.outcome_weight': 0,
  'credit.level': 'sequence',
  'credit.scale': 'group',
  'credit.expert_in_group': false,
  'relabel.mode': 'expert-agreement',
  'replay.rounds': 50,
  'warmup.steps': 250,
};
const EVALUATION = {
  'data.max_prompt_tokens': 300,
  'data.max_completion_tokens': 824,
  'eval.samples_per_prompt': 16,
  'eval.ks': [1, 3, 5, 10],
  'sampling.temperature': 1,
  'sampling.top_p': 0.95,
};
const METHODS: Readonly<
  Record<string, { readonly kind: ConfigKind; readonly values: Readonly<Record<string, unknown>> }>
> = {
  irl_train: { kind: 'irl', values: IRL },
  sft_train: {
    kind: 'sft',
    values: { ...TRAINING, 'policy.lr': 1e-4, 'train.rows_per_step': 128, 'train.keep_best': true },
  },
  grpo_train: {
    kind: 'grpo',
    values: {
      ...TRAINING,
      ...ROUND,
      'policy.lr': 1e-5,
      'policy.kl_beta': 0,
      'reward.functions.correctness': 2,
      'reward.functions.tag_count': 1,
      'reward.functions.soft_format': 1,
      'reward.functions.strict_format': 1,
    },
  },
  gad_train: {
    kind: 'irl',
    values: {
      ...IRL,
      'critic.loss': 'pairwise',
      'critic.pairwise.negatives_per_prompt': 1,
      'critic.updates_per_round': 2,
      'reward.granularity': 'sparse',
      'relabel.mode': 'off',
      'replay.rounds': 0,
      'negatives.per_expert': 0,
    },
  },
  fixed_critic_train: {
    kind: 'irl',
    values: { ...IRL, 'critic.freeze_after_warmup': true, 'reward.granularity': 'sparse', 'replay.rounds': 0 },
  },
  shaped_train: {
    kind: 'irl',
    values: {
      ...IRL,
      'policy.lr': 5e-7,
      'policy.kl_beta': 0.01,
      'critic.kind': 'shaped',
      'critic.lr': 1e-6,
      'critic.shaping.gamma': 1,
      'critic.shaping.clamp': null,
      'reward.granularity': 'interval',
      'reward.form': 'g',
      'replay.rounds': 100,
      'train.prompts_per_round': 32,
    },
  },
  opsd_train: {
    kind: 'opsd',
    values: { ...TRAINING, ...ROUND, 'opsd.temperature': 1, 'opsd.clip': [-5, 5], 'opsd.normalise': false },
  },
  irl_eval: { kind: 'evaluate', values: { ...EVALUATION, 'reward.granularity': 'step', 'reward.clip': [-5, 5] } },
  sft_eval: { kind: 'evaluate', values: { ...EVALUATION, 'critic.model': null } },
  grpo_eval: { kind: 'evaluate', values: { ...EVALUATION, 'critic.model': null } },
};

const files = readdirSync(CONFIGS, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.yaml') && !name.startsWith('_parts'))
  .map((name) => join(CONFIGS, name))
  .toSorted();

describe('the configurations of the paper', () => {
  it('are there for every domain, model and method', () => {
    const wanted = DOMAINS.flatMap((domain) =>
      Object.keys(MODELS).flatMap((model) =>
        Object.keys(METHODS)
          .filter((method) => domain === 'math' || !/^(?:gad|fixed_critic|shaped|opsd)/.test(method))
          .map((method) => join(CONFIGS, domain, model, `${method}.yaml`)),
      ),
    );
    expect(files).toEqual(wanted.toSorted());
  });

  it.each(files)('%s has the values of the paper', (path) => {
    const [domain, model] = dirname(relative(CONFIGS, path)).split('/') as [string, string];
    const method = basename(path, '.yaml');
    const { kind, values } = METHODS[method] as (typeof METHODS)[string];
    expect(kindOfFile(path, 'test')).toBe(kind);
    const text = readFileSync(path, 'utf8');
    // A file names its parts and little more, under the command that runs it.
    const command = kind === 'evaluate' ? kind : `train ${kind}`;
    expect(text.split('\n')[0]).toBe(`# dawngrad ${command} --config configs/${relative(CONFIGS, path)}`);
    expect(text.trimEnd().split('\n').length).toBeLessThanOrEqual(5);

    const config = resolveConfig(kind, { file: readConfigFile(path), env: {} });
    const own = domain === 'mmlu' && model === 'qwen7b' && 'reward.clip' in values ? { 'reward.clip': [-2, 2] } : {};
    for (const [key, value] of Object.entries({ ...values, ...own })) {
      expect(valueAt(config, key.split('.')), key).toEqual(value);
    }
    const run = `outputs/${domain}_${model}_${method.replace(/_(?:train|eval)$/, '')}`;
    if (kind === 'evaluate') {
      expect(config).toMatchObject({ policy: { model: `${run}/best` }, run: { dir: `${run}-eval` } });
      if (method === 'irl_eval') expect(valueAt(config, ['critic', 'model'])).toBe(`${run}/best`);
    } else {
      expect(config).toMatchObject({ policy: { model: MODELS[model] }, run: { dir: run } });
    }
    const experts = kind === 'irl' || kind === 'sft' || kind === 'opsd';
    expect(config.data.format.endsWith('_kd')).toBe(experts);
    if (method === 'irl_train') {
      const isStored = domain === 'medicine' || domain === 'mmlu';
      const edits = ['flip_operator_in_one_step', 'corrupt_answer_nearby_number', 'corrupt_numbers'];
      expect(valueAt(config, ['negatives'])).toMatchObject(
        isStored ? { per_expert: 0, stored_per_expert: 1 } : { per_expert: 1, functions: edits },
      );
    }
    if (kind === 'grpo') {
      const isNumber = domain === 'math' || domain === 'aime';
      expect(valueAt(config, ['reward', 'functions', 'integer_answer'])).toBe(isNumber ? 1 : 0);
    }
  });
});

describe("the commands of the reference's README", () => {
  const common = ['wandb.run_name=qwen7b_x', 'training.output_dir=./outputs/qwen7b_x'];

  it.each([
    ['irl', 'irl_train', ['model.dense_rewards=partial_fixed']],
    ['sft', 'sft_train', []],
    ['grpo', 'grpo_train', []],
  ])('resolve for train %s up to the model', async (kind, name, more) => {
    const spelled = [`--config-path=${CONFIGS}/math/qwen7b`, `--config-name=${name}`, ...common, ...more];
    const shown = await runMain('config', 'explain', kind, ...spelled, '--json');
    expect(shown).toMatchObject({ code: 0 });
    const fields = JSON.parse(shown.out) as { key: string; value: unknown; from: string; writtenAs?: string }[];
    const at = (key: string) => fields.find((field) => field.key === key);
    expect(at('run.dir')).toMatchObject({ value: './outputs/qwen7b_x', writtenAs: 'training.output_dir' });
    expect(at('run.name')?.value).toBe('qwen7b_x');
    expect(at('policy.model')?.from).toMatch(/_parts\/models\/qwen7b\.yaml:1$/);
    expect(shown.err).toContain('training.output_dir=./outputs/qwen7b_x -> run.dir=./outputs/qwen7b_x');

    // The same as a command, which gets as far as the model that this machine does not have.
    const run = await runMain('train', kind, ...spelled, 'policy.model=/nowhere/model');
    expect(run.code).toBe(3);
    expect(run.err).toMatch(/^note: names of the reference code are taken as\n/);
    expect(run.err.match(/wandb\.run_name/g)).toHaveLength(1);
    expect(run.err).toContain('/nowhere/model');
  });

  it('put a run where its name says', async () => {
    const { out } = await runMain(
      'config',
      'show',
      'irl',
      '--config',
      `${CONFIGS}/math/qwen7b/irl_train.yaml`,
      'wandb.run_name=y',
    );
    expect(out).toContain('dir: outputs/y\n');
  });

  it('resolve for the ablations of its runners', async () => {
    const typed =
      'model.reward_updates_per_policy_step=3 training.beta=0.1 training.buffer_size=50 training.max_steps=400 eval.eval_steps=100 model.policy_learning_rate=5e-6 model.reward_learning_rate=1e-5 training.gradient_accumulation_steps=8 model.max_prompt_length=300 model.max_completion_length=824 training.reward_warmup_steps=250 model.clip_reward_model=true model.reward_lb=-5.0 model.reward_ub=5.0 model.lora_rank=256 model.policy_lora_rank=256 model.reward_lora_rank=256 model.dense_rewards=full';
    const plain = await runMain(
      'config',
      'show',
      'irl',
      '--config',
      `${CONFIGS}/math/qwen7b/irl_train.yaml`,
      'reward.granularity=dense',
    );
    const spelled = await runMain(
      'config',
      'show',
      'irl',
      '--config',
      `${CONFIGS}/math/qwen7b/irl_train.yaml`,
      ...typed.split(' '),
    );
    // What the retakes of the reference type is what the files hold.
    expect(spelled.out).toBe(plain.out);
  });

  it('are explained as a file that gives the same again', async () => {
    const path = `${CONFIGS}/mmlu/qwen7b/irl_eval.yaml`;
    const { code, out } = await runMain('config', 'explain', path, 'eval.ks=[1]');
    expect(code).toBe(0);
    expect(out).toMatch(
      /^ {2}clip: \[ -2, 2 \] +# .*mmlu\/qwen7b\/irl_eval\.yaml:4; reference: model\.clip_reward_model/m,
    );
    expect(out).toMatch(/^ {2}ks: \[ 1 \] +# eval\.ks=\[1\]$/m);
    const again = resolveConfig('evaluate', { file: { path: 'explained', text: out } });
    expect(again).toEqual(resolveConfig('evaluate', { file: readConfigFile(path), overrides: ['eval.ks=[1]'] }));
  });

  it('are refused where the file is given twice or not at all', async () => {
    expect(await runMain('config', 'show', 'irl', '--config=a.yaml', '--config-name=b')).toMatchObject({ code: 2 });
    expect(await runMain('config', 'show', 'irl', '--config-path=a')).toMatchObject({ code: 2 });
    expect(await runMain('config', 'explain', 'irll')).toMatchObject({ code: 2 });
  });
});
