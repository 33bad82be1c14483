import { ToolError } from '@dawngrad/tensor';
import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { fieldsOf } from '../../src/config/fields.ts';
import { type ConfigSources, resolveConfig } from '../../src/config/resolve-config.ts';
import { CONFIG_KINDS, type ConfigKind } from '../../src/config/schema.ts';

const INPUTS = ['data.path=rows.jsonl', 'policy.model=model'];

/** What is said about a file's text, one line a fault. */
function faultsOf(kind: ConfigKind, text: string, overrides = INPUTS): string[] {
  return failure(kind, { file: { path: 'a.yaml', text }, overrides }).faults.map(
    ({ place, key, message }) => `${place} | ${key} | ${message}`,
  );
}

function failure(kind: ConfigKind, sources: ConfigSources): ConfigError {
  try {
    resolveConfig(kind, sources);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error('the configuration was accepted');
}

describe('resolveConfig', () => {
  it('gives every field its default where nothing is said', () => {
    const config = resolveConfig('irl', { needsInputs: false });
    expect(config.run).toMatchObject({ dir: 'runs/irl', name: null, seed: 42 });
    expect(config.reward).toMatchObject({ granularity: 'sparse', interval_tokens: 15, temperature: 1, clip: [-5, 5] });
    // Nothing but the critic is a reward unless asked for.
    expect(config.reward).toMatchObject({ outcome_weight: 0, format_weight: 0, overlong_buffer_tokens: 0 });
    expect(config.policy.lora).toEqual({ rank: 0, alpha: null });
    expect(config.critic.label_smoothing).toBe(0.1);
  });

  it('lets the file change defaults, and overrides the file', () => {
    const text = 'policy:\n  lr: 3e-4\n  lora: { rank: 8 }\ntrain:\n  max_steps: 10\n';
    const overrides = [
      ...INPUTS,
      'train.max_steps=20',
      'train.max_steps=30',
      'reward.clip=[-2, 2]',
      'relabel.mode=checker',
    ];
    const config = resolveConfig('irl', { file: { path: 'a.yaml', text }, overrides });
    expect(config.policy.lr).toBe(3e-4);
    expect(config.policy.lora).toEqual({ rank: 8, alpha: null });
    expect(config.train.max_steps).toBe(30);
    expect(config.reward.clip).toEqual([-2, 2]);
    expect(config.relabel.mode).toBe('checker');
  });

  it('accepts its own result, so that a lock file can be run again', () => {
    for (const kind of CONFIG_KINDS) {
      const config = resolveConfig(kind, { overrides: INPUTS });
      expect(resolveConfig(kind, { file: { path: 'lock', text: JSON.stringify(config) } })).toEqual(config);
    }
  });

  it('reports every mistake at once, each with its line', () => {
    const text = [
      'run: { seed: -1 }',
      'polcy:',
      '  lr: 1e-5',
      'reward:',
      '  granularity: foo',
      '  clip: [5, -5]',
      'credit:',
      '  gamma: 0.9',
      'sampling:',
      '  group_size: 1',
      '  temperature: hot',
      'train: { max_steps: 0.5 }',
    ].join('\n');
    const faults = faultsOf('irl', text).sort();
    expect(faults).toEqual(
      [
        'a.yaml:1 | run.seed | expected at least 0, got -1.',
        'a.yaml:3 | polcy.lr | unknown key. Did you mean policy.lr?',
        'a.yaml:5 | reward.granularity | expected one of sparse, step, interval, dense, got "foo".',
        'a.yaml:6 | reward.clip | expected [low, high] with low below high, got [5, -5].',
        'a.yaml:8 | credit.gamma | only token credit discounts, credit.level is sequence. Leave it out, or set credit.level=token.',
        'a.yaml:10 | sampling.group_size | expected at least 2, got 1.',
        'a.yaml:11 | sampling.temperature | expected a number, got "hot".',
        'a.yaml:12 | train.max_steps | expected a whole number, got 0.5.',
      ].sort(),
    );
  });

  it('names the override that is wrong', () => {
    const { faults, message } = failure('sft', { overrides: [...INPUTS, 'policy.lr=fast', 'train.steps=3', 'run=5'] });
    expect(new Map(faults.map((fault) => [fault.place, fault.message]))).toEqual(
      new Map([
        ['policy.lr=fast', 'expected a number, got "fast".'],
        ['train.steps=3', 'unknown key. Did you mean train.max_steps?'],
        ['run=5', 'expected a section of keys, got 5.'],
      ]),
    );
    expect(message).toContain('\n  policy.lr=fast: expected a number, got "fast".');
  });

  it('asks for the data and the model, and says where they are missing', () => {
    expect(failure('sft', {}).message).toBe(
      'command line: 2 mistakes\n  command line: data.path: expected a path, got none.\n  command line: policy.model: expected a path, got none.',
    );
  });

  it('refuses key=value of another form as a mistake of usage', () => {
    for (const text of ['lr', '=3', 'a..b=1', '.a=1', '--x=1', 'a b=1']) {
      expect(() => resolveConfig('sft', { overrides: [text] }), text).toThrow(ToolError);
      expect(() => resolveConfig('sft', { overrides: [text] })).toThrow(/expected section\.key=value/);
    }
  });

  it.each([
    ['sparse', 'segment', 'sequence'],
    ['sparse', 'token', 'sequence'],
    ['dense', 'segment', 'sequence or token'],
  ])('refuses %s rewards with %s credit', (granularity, level, valid) => {
    const text = `reward: { granularity: ${granularity} }\ncredit: { level: ${level} }`;
    expect(faultsOf('irl', text)).toEqual([
      `a.yaml:2 | credit.level | with reward.granularity=${granularity} expected ${valid}, got "${level}".`,
    ]);
  });

  it.each(['step', 'interval'])('accepts %s rewards with every credit level', (granularity) => {
    for (const level of ['sequence', 'segment', 'token']) {
      const text = `reward: { granularity: ${granularity} }\ncredit: { level: ${level} }`;
      expect(resolveConfig('irl', { file: { path: 'a', text }, overrides: INPUTS }).credit.level).toBe(level);
    }
  });

  it('accepts gamma with token credit', () => {
    const text = 'reward: { granularity: dense }\ncredit: { level: token, gamma: 0.9 }';
    expect(resolveConfig('irl', { file: { path: 'a', text }, overrides: INPUTS }).credit.gamma).toBe(0.9);
  });

  it.each([
    ['policy: { kl_form: k1 }', 'the gradient of k1 in the loss is 0 on average'],
    ['policy: { kl_unbiased: true, kl_place: reward }', 'is for the divergence in the loss'],
    ['policy: { delta: 3, loss: cispo }', 'expected policy.loss=clipped or gspo'],
    ['policy: { delta: 1.1 }', 'expected more than 1 + clip_high = 1.2, got 1.1'],
    ['credit: { estimator: rloo, scale: batch }', 'only credit.estimator=group has a choice of scale'],
    ['reward: { overlong_buffer_tokens: 9999 }', 'expected at most data.max_completion_tokens=824'],
    ['credit: { local: drop_f }', 'got sequence credit of sparse rewards'],
    ['credit: { local: drop_f, level: token }\nreward: { granularity: step }', 'got token credit of step rewards'],
  ])('refuses %s in one message', (text, message) => {
    const faults = faultsOf('irl', text);
    expect(faults.length).toBe(1);
    expect(faults[0]).toContain(message);
  });

  it.each([
    'policy: { kl_form: k1, kl_unbiased: true }',
    'policy: { kl_form: k1, kl_place: reward }',
    'policy: { loss: gspo, clip: 0.0003 }',
    'policy: { clip_high: 0.28, delta: 3, normalisation: constant }\ncredit: { estimator: dr_grpo }',
    'credit: { local: clipped_delta_f }\nreward: { granularity: step }',
  ])('accepts %s', (text) => {
    expect(() => resolveConfig('irl', { file: { path: 'a.yaml', text }, overrides: INPUTS })).not.toThrow();
  });

  it('refuses a critic that would never be trained, corruption without edits, and more k than samples', () => {
    expect(faultsOf('irl', 'critic: { freeze_after_warmup: true }\nwarmup: { steps: 0 }')[0]).toContain(
      'never be trained',
    );
    expect(faultsOf('irl', 'negatives: { functions: [] }')[0]).toContain('at least one edit');
    expect(faultsOf('evaluate', 'eval: { samples_per_prompt: 4, ks: [1, 8] }')).toEqual([
      'a.yaml:1 | eval.ks | expected at most eval.samples_per_prompt=4, got 8.',
    ]);
    expect(faultsOf('irl', 'reward: { clip: [1, 2, 3] }')).toEqual([
      'a.yaml:1 | reward.clip | expected a pair [low, high] or null, got [1,2,3].',
    ]);
    expect(faultsOf('irl', 'negatives: { functions: [corrupt_number] }')[0]).toMatch(
      /got "corrupt_number"\. Did you mean corrupt_numbers\?$/,
    );
  });

  it('says which verb a key belongs to', () => {
    expect(faultsOf('sft', 'critic: { lr: 1e-5 }')).toEqual([
      'a.yaml:1 | critic.lr | train sft does not have this key, only train irl.',
    ]);
  });

  it.each([
    ['a tag', 'run: !!js/function x'],
    ['an alias', 'run: &a { seed: 1 }\ndata: *a'],
    ['a merge key', 'x: &a { seed: 1 }\nrun: { <<: *a }'],
    ['a duplicate key', 'run: { seed: 1 }\nrun: { seed: 2 }'],
    ['two documents', 'run: {}\n---\nrun: {}'],
    ['an open bracket', 'run: { seed: 1'],
    ['a list', '- run'],
    ['a text', 'seed'],
    ['a key of the prototype', '__proto__: { seed: 1 }'],
    ['a key of all objects', 'constructor: { seed: 1 }\ntoString: 1'],
    ['not a number', 'run: { seed: .nan }'],
    ['infinity', 'policy: { lr: .inf }'],
    ['a word for false', 'critic: { freeze_after_warmup: off }'],
    ['a null section', 'run: null'],
  ])('refuses %s with file and line', (_, text) => {
    const faults = faultsOf('irl', text);
    expect(faults.length).toBeGreaterThan(0);
    for (const fault of faults) expect(fault).toMatch(/^a\.yaml:[12] \| /);
  });

  it('leaves the prototype of objects alone', () => {
    expect(() =>
      resolveConfig('sft', { overrides: ['__proto__.polluted=1', 'constructor.prototype.polluted=1'] }),
    ).toThrow(ConfigError);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe('the schema', () => {
  it.each(CONFIG_KINDS)('of %s has a default, a unit and one line of help for every field', (kind) => {
    const fields = fieldsOf(kind);
    expect(fields.length).toBeGreaterThan(15);
    for (const { key, preset, unit, help } of fields) {
      expect(preset, key).not.toBeUndefined();
      expect(unit, key).not.toBe('');
      expect(help, key).toMatch(/^[A-Z].{9,118}\.$/);
    }
  });
});
