import { describe, expect, it } from 'vitest';
import { fieldsOf } from '../../src/config/fields.ts';
import { nearest } from '../../src/config/nearest.ts';
import { CONFIG_KINDS, type ConfigKind } from '../../src/config/schema.ts';
import { unknownKeyMessage } from '../../src/config/unknown-key.ts';

/** Fifty mistakes as people make them: slips, other spellings, other styles, a wrong section. */
const MISSPELT: readonly [ConfigKind, string, string][] = [
  ['sft', 'run.sed', 'run.seed'],
  ['sft', 'run.seeed', 'run.seed'],
  ['sft', 'run.directory', 'run.dir'],
  ['sft', 'runs.dir', 'run.dir'],
  ['sft', 'data.pth', 'data.path'],
  ['sft', 'data.paht', 'data.path'],
  ['sft', 'data.maxRows', 'data.max_rows'],
  ['sft', 'data.max-rows', 'data.max_rows'],
  ['sft', 'data.max_row', 'data.max_rows'],
  ['sft', 'data.max_prompt_token', 'data.max_prompt_tokens'],
  ['sft', 'data.maxPromptTokens', 'data.max_prompt_tokens'],
  ['sft', 'data.max_completion_token', 'data.max_completion_tokens'],
  ['sft', 'data.max_completions_tokens', 'data.max_completion_tokens'],
  ['sft', 'data.over_long', 'data.overlong'],
  ['sft', 'data.overlog', 'data.overlong'],
  ['sft', 'data.checkr', 'data.checker'],
  ['sft', 'data.formt', 'data.format'],
  ['sft', 'data.dev_fracton', 'data.dev_fraction'],
  ['sft', 'policy.modle', 'policy.model'],
  ['sft', 'policy.Lr', 'policy.lr'],
  ['sft', 'policy.lora.rnk', 'policy.lora.rank'],
  ['sft', 'policy.lora.alhpa', 'policy.lora.alpha'],
  ['sft', 'polcy.model', 'policy.model'],
  ['sft', 'train.max_stps', 'train.max_steps'],
  ['sft', 'train.maxSteps', 'train.max_steps'],
  ['sft', 'train.row_per_step', 'train.rows_per_step'],
  ['sft', 'train.microbatch_tokens', 'train.micro_batch_tokens'],
  ['sft', 'train.checkpoint_every', 'train.checkpoint_every_steps'],
  ['sft', 'train.keep_checkpoint', 'train.keep_checkpoints'],
  ['sft', 'optim.weight_decy', 'optim.weight_decay'],
  ['sft', 'optim.weightDecay', 'optim.weight_decay'],
  ['sft', 'optim.beta_1', 'optim.beta1'],
  ['sft', 'optim.max_grad_nrom', 'optim.max_grad_norm'],
  ['sft', 'optim.schedul', 'optim.schedule'],
  ['sft', 'optim.warmup_ration', 'optim.warmup_ratio'],
  ['sft', 'eval.every_step', 'eval.every_steps'],
  ['grpo', 'policy.kl_bta', 'policy.kl_beta'],
  ['grpo', 'train.kl_beta', 'policy.kl_beta'],
  ['grpo', 'sampling.groupsize', 'sampling.group_size'],
  ['grpo', 'sampling.temprature', 'sampling.temperature'],
  ['grpo', 'train.prompt_per_round', 'train.prompts_per_round'],
  ['irl', 'reward.granularty', 'reward.granularity'],
  ['irl', 'critic.granularity', 'reward.granularity'],
  ['irl', 'reward.interval_token', 'reward.interval_tokens'],
  ['irl', 'critic.label_smothing', 'critic.label_smoothing'],
  ['irl', 'critic.labelSmoothing', 'critic.label_smoothing'],
  ['irl', 'critic.update_per_round', 'critic.updates_per_round'],
  ['irl', 'negatives.perExpert', 'negatives.per_expert'],
  ['irl', 'credit.gama', 'credit.gamma'],
  ['irl', 'replay.on_policy_fracton', 'replay.on_policy_fraction'],
  ['evaluate', 'eval.sample_per_prompt', 'eval.samples_per_prompt'],
  ['evaluate', 'eval.resample', 'eval.resamples'],
];

describe('the nearest key', () => {
  it.each(MISSPELT)('of %s %s is %s', (kind, key, right) => {
    expect(unknownKeyMessage(kind, key)).toBe(`unknown key. Did you mean ${right}?`);
  });

  it('covers at least fifty mistakes', () => {
    expect(MISSPELT.length).toBeGreaterThanOrEqual(50);
  });

  it('finds every key of every kind with one letter left out', () => {
    for (const kind of CONFIG_KINDS) {
      const keys = fieldsOf(kind).map(({ key }) => key);
      for (const key of keys) {
        const dot = key.lastIndexOf('.');
        const slip = `${key.slice(0, dot + 2)}${key.slice(dot + 3)}`;
        if (!keys.includes(slip)) expect(nearest(slip, keys), slip).toBe(key);
      }
    }
  });

  it('is none for a word that resembles no key', () => {
    expect(nearest('data.quixotic', ['data.path', 'run.seed'])).toBeUndefined();
    expect(nearest('x'.repeat(10_000), ['data.path'])).toBeUndefined();
  });
});
