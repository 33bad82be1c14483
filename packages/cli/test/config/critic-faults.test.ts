import { describe, expect, it } from 'vitest';
import { resolveConfig } from '../../src/config/resolve-config.ts';

const irl = (...overrides: string[]) => resolveConfig('irl', { overrides, needsInputs: false });

describe('the critic of a configuration', () => {
  it('D16: has a granularity out of a closed set, whose names are told', () => {
    for (const name of ['sparse', 'step', 'interval', 'dense']) {
      expect(irl(`reward.granularity=${name}`).reward.granularity).toBe(name);
    }
    // `foo` trains on garbage in the reference.
    expect(() => irl('reward.granularity=foo')).toThrow(/reward\.granularity.*sparse, step, interval, dense.*foo/s);
  });

  it('has to be a trained one where it is never trained', () => {
    expect(() => irl('critic.freeze=true')).toThrow(/critic\.freeze.*critic\.model or warmup\.load_from/s);
    expect(irl('critic.freeze=true', 'warmup.load_from=runs/a').critic.freeze).toBe(true);
    expect(irl('critic.freeze=true', 'critic.model=runs/a').critic.freeze).toBe(true);
    expect(() => irl('critic.freeze_after_warmup=true', 'warmup.steps=0')).toThrow(/would never be trained/);
    expect(irl('critic.freeze_after_warmup=true', 'warmup.steps=0', 'warmup.load_from=a').warmup.steps).toBe(0);
  });

  it.each([
    [/no stored critic whose warm-up could go on/, ['warmup.continue=true']],
    [/no warm-up to go on with/, ['warmup.continue=true', 'warmup.load_from=a', 'critic.freeze=true']],
    [/expected numbers for both/, ['critic.experts_per_update=8']],
    [
      /critic\.control.*Leave one of them out/s,
      ['critic.control=shuffled_labels', 'critic.freeze=true', 'critic.model=a'],
    ],
    [/log pi tells more of a completion/, ['critic.control=length_only', 'critic.kind=shaped', 'reward.form=g']],
    [
      /an expert with samples of its prompt alone/,
      ['critic.loss=pairwise', 'negatives.per_expert=0', 'negatives.stored_per_expert=2'],
    ],
    [/critic\.pooling.*those of single tokens/s, ['critic.pooling=mean', 'critic.kind=shaped', 'reward.form=g']],
    [/critic\.pooling.*gradient penalty/s, ['critic.pooling=mean', 'critic.loss=wasserstein']],
    [/critic\.trunk_lr_scale.*more than 0 \(0\.01 for.*critic\.lora\.rank/s, ['critic.trunk_lr_scale=0']],
    [/critic\.trunk_lr_scale.*at most 10/s, ['critic.trunk_lr_scale=11']],
    [/one of none, shuffled_labels, length_only/, ['critic.control=random']],
  ] as const)('is refused with the reason: %s', (reason, overrides) => {
    expect(() => irl(...overrides)).toThrow(reason);
  });

  it('sees the whole round unless numbers are given', () => {
    const { critic } = irl();
    expect([critic.experts_per_update, critic.policy_per_update]).toEqual([null, null]);
    expect(irl('critic.experts_per_update=8', 'critic.policy_per_update=16').critic.policy_per_update).toBe(16);
  });
});
