import { describe, expect, it } from 'vitest';
import { objectiveText } from '../../src/config/objective-text.ts';
import { resolveConfig } from '../../src/config/resolve-config.ts';

const irl = (...overrides: string[]): string =>
  objectiveText({ kind: 'irl', config: resolveConfig('irl', { overrides, needsInputs: false }) });

describe('objectiveText', () => {
  it('says what SFT optimises', () => {
    const config = resolveConfig('sft', { overrides: ['policy.lora.rank=8'], needsInputs: false });
    expect(objectiveText({ kind: 'sft', config }).split('\n')).toEqual([
      'objective: cross-entropy of completion tokens, mean over the tokens of 16 rows',
      'policy: low-rank adapters, rank 8, alpha 16, learning rate 0.0001',
      'seed: 42',
    ]);
  });

  it('says what GRPO optimises', () => {
    const config = resolveConfig('grpo', { needsInputs: false });
    expect(objectiveText({ kind: 'grpo', config }).split('\n')).toEqual([
      'objective: clipped ratio 1 ± 0.2, mean by token, no divergence term, 1 update a round',
      'reward: 1 for an answer that the numeric checker calls right; divided by the std of: group',
      'round: 16 prompts x 8 samples at temperature 1',
      'policy: all weights, learning rate 0.00001',
      'seed: 42',
    ]);
  });

  it('D7: names granularity, credit and labels of R-AIRL, whose credit is a choice of its own', () => {
    const text = irl('reward.granularity=interval', 'credit.level=token', 'credit.gamma=0.9', 'reward.clip=null');
    expect(text).toContain(
      'critic logit / 1, not clipped; granularity interval of 15 tokens; credit token, gamma 0.9;',
    );
    expect(text).toContain('0.1 x k3 divergence');
    expect(text).toContain(
      '50 warm-up updates, then 3 updates a round; 1 corrupted copy an expert and any wrong traces that came with it; updates on the whole round; replay of 0 rounds',
    );
    expect(text).toContain('labels: no answer is looked at');
    expect(irl('relabel.mode=checker')).toContain('labels: right answers count as experts (checker)');
    expect(irl('critic.freeze_after_warmup=true')).toContain('then frozen');
    const frozen = irl('critic.freeze=true', 'critic.model=x').split('\n');
    expect(frozen.filter((line) => line.startsWith('critic:'))).toEqual([
      'critic: balanced cross-entropy, label smoothing 0.1; frozen from the start',
    ]);
    expect(irl('critic.pooling=mean', 'critic.trunk_lr_scale=0.1', 'critic.lr=1e-3').split('\n')).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^critic: mean logit of a segment's tokens; balanced cross-entropy/),
        'critic: all weights, learning rate 0.001 (0.1 of it for all but the head)',
      ]),
    );
    expect(irl('reward.malformed=-1')).toContain(
      'clipped to [-5, 5], at most -1 for one that is cut off or has no answer;',
    );
    expect(irl('warmup.load_from=x')).toContain('started as that of x, its warm-up taken as done');
    expect(irl('warmup.load_from=x', 'warmup.continue=true')).toContain('started as that of x, 50 warm-up updates');
  });

  it('says whether a verifier was used, and that a control is no result', () => {
    const lines = (...overrides: string[]): string[] => irl('data.dev_fraction=0', ...overrides).split('\n');
    expect(lines()).toContain('verifier: not used to train');
    expect(lines('relabel.mode=checker', 'reward.outcome_weight=1')).toContain(
      'verifier: used for labels (checker) and the reward',
    );
    expect(irl()).toContain('verifier: not used to train; the checkpoint "best" is chosen by it on dev rows');
    expect(irl()).not.toContain('control:');
    for (const control of ['shuffled_labels', 'length_only']) {
      expect(irl(`critic.control=${control}`)).toMatch(/^control: .*; not a result of the method$/m);
    }
    expect(lines('data.expert_error_rate=0.1')).toContain('experts: 10 % of them made wrong on purpose');
  });

  it('changes with every key that changes the objective', () => {
    const changes = [
      'run.seed=1',
      'policy.lr=1e-3',
      'policy.kl_beta=0',
      'policy.clip=0.3',
      'policy.clip_high=0.28',
      'policy.loss=gspo',
      'policy.loss=cispo',
      'policy.loss=reinforce',
      'policy.delta=4',
      'policy.entropy_bonus=0.01',
      'policy.mask_truncated=true',
      'policy.kl_form=k2',
      'policy.kl_place=reward',
      'policy.kl_unbiased=true',
      'credit.estimator=rloo',
      'credit.expert_in_group=true',
      'credit.estimator=dr_grpo',
      'reward.outcome_weight=1',
      'reward.format_weight=1',
      'reward.overlong_buffer_tokens=8',
      'policy.updates_per_round=2',
      'policy.normalisation=sequence',
      'policy.lora.rank=4',
      'critic.lr=1e-3',
      'critic.lora.rank=4',
      'critic.label_smoothing=0',
      'critic.updates_per_round=1',
      'reward.granularity=dense',
      'reward.temperature=2',
      'reward.clip=[-1, 1]',
      'credit.scale=none',
      'negatives.per_expert=2',
      'relabel.mode=expert-agreement',
      'replay.rounds=5',
      'warmup.steps=9',
      'warmup.load_from=x',
      'critic.control=length_only',
      'critic.control=shuffled_labels',
      'negatives.stored_per_expert=0',
      'negatives.stored_per_expert=2',
      'negatives.drop_cut=true',
      'data.expert_error_rate=0.1',
      'sampling.group_size=4',
      'sampling.temperature=0.5',
      'train.prompts_per_round=4',
    ];
    const sized = irl('critic.experts_per_update=8', 'critic.policy_per_update=16');
    expect(sized).toContain('updates on 8 experts and 16 samples');
    const texts = new Set([irl(), ...changes.map((change) => irl(change))]);
    expect(texts.size).toBe(changes.length + 1);
  });
});
