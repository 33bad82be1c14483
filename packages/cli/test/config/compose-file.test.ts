import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/config-error.ts';
import { readConfigFile } from '../../src/config/read-config-file.ts';
import { resolveWithOrigins } from '../../src/config/resolve-config.ts';

const folder = mkdtempSync(join(tmpdir(), 'dawngrad-configs-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

function resolve(name: string, overrides: readonly string[] = [], env = {}) {
  const file = readConfigFile(join(folder, name));
  return resolveWithOrigins('irl', { file, overrides, env, needsInputs: false });
}

/** What is said about a configuration, without the folder of the files. */
function failure(name: string, overrides: readonly string[] = []): string {
  try {
    resolve(name, overrides);
  } catch (error) {
    if (error instanceof ConfigError) return error.message.replaceAll(`${folder}/`, '');
    throw error;
  }
  throw new Error(`${name} was accepted`);
}

describe('a configuration of parts', () => {
  it('takes the last word on each key, and says where that stands', () => {
    write({
      '_parts/base.yaml': 'policy: { lr: 1e-4, kl_beta: 0.2 }\ncritic: { lr: 1e-4 }',
      'math/_parts/own.yaml': 'policy: { lr: 2e-4 }\nreward:\n  clip: [-1, 1]',
      'math/beside.yaml': 'critic: { lr: 3e-4 }',
      'math/irl.yaml': 'defaults: [base, own, beside]\npolicy:\n  lora: { rank: 4 }',
    });
    const { config, originOf } = resolve('math/irl.yaml', ['reward.clip=[-2, 2]']);
    expect(config.policy).toMatchObject({ lr: 2e-4, kl_beta: 0.2, lora: { rank: 4 } });
    expect(config.critic.lr).toBe(3e-4);
    expect(originOf('policy.kl_beta')?.place).toMatch(/_parts\/base\.yaml:1$/);
    expect(originOf('policy.lora.rank')?.place).toMatch(/math\/irl\.yaml:3$/);
    expect(originOf('reward.clip')?.place).toBe('reward.clip=[-2, 2]');
    expect(originOf('credit.level')).toBeUndefined();
  });

  it('puts the file itself where _self_ stands', () => {
    write({
      'self/part.yaml': 'run: { seed: 1, dir: a }',
      'self/first.yaml': 'defaults: [_self_, part]\nrun: { seed: 2 }',
      'self/last.yaml': 'defaults: [part]\nrun: { seed: 2 }',
    });
    expect(resolve('self/first.yaml').config.run.seed).toBe(1);
    expect(resolve('self/last.yaml').config.run).toMatchObject({ seed: 2, dir: 'a' });
  });

  it("ignores how Hydra logs, as the reference's files say it", () => {
    write({ 'hydra.yaml': 'defaults:\n  - override hydra/job_logging: default\nrun: { seed: 3 }' });
    expect(resolve('hydra.yaml').config.run.seed).toBe(3);
  });

  it('refuses parts that are missing, need themselves, go too deep, or are no names', () => {
    write({
      'bad/a.yaml': 'run: { seed: 1 }\ndefaults: [b]',
      'bad/b.yaml': 'defaults: [c]',
      'bad/c.yaml': 'defaults: [a]',
      'bad/missing.yaml': 'defaults: [d]',
      'bad/d.yaml': 'defaults: [nowhere/e]',
      'bad/group.yaml': 'defaults:\n  - model: qwen7b',
      'bad/text.yaml': 'defaults: base',
      'bad/list.yaml': 'defaults: [f]',
      'bad/f.yaml': '- 1',
    });
    expect(failure('bad/a.yaml')).toMatch(
      /c\.yaml:1: defaults: a part needs itself: .*a\.yaml -> .*c\.yaml -> .*a\.yaml/,
    );
    expect(failure('bad/missing.yaml')).toMatch(
      /d\.yaml:1: defaults: there is no part nowhere\/e beside .*d\.yaml or in a folder _parts above it \(needed by .*missing\.yaml -> .*d\.yaml\)/,
    );
    expect(failure('bad/group.yaml')).toContain('expected a part such as models/qwen7b, got {"model":"qwen7b"}');
    expect(failure('bad/text.yaml')).toContain('expected a list of parts');
    expect(failure('bad/list.yaml')).toContain('f.yaml:1: expected sections');
    const chain = Object.fromEntries(
      Array.from({ length: 14 }, (_, i) => [`deep/${i}.yaml`, `defaults: ["${i + 1}"]`]),
    );
    write({ ...chain, 'deep/14.yaml': '' });
    expect(failure('deep/0.yaml')).toContain('more than 12 deep');
    // Each of 8 levels twice would be 256 files.
    const wide = Object.fromEntries(
      Array.from({ length: 8 }, (_, i) => [`wide/w${i}.yaml`, `defaults: [w${i + 1}, w${i + 1}]`]),
    );
    write({ ...wide, 'wide/w8.yaml': '' });
    expect(failure('wide/w0.yaml')).toContain('200 files');
  });

  it('names the part and line of a mistake, and every mistake', () => {
    write({
      'faults/part.yaml': 'policy:\n  lr: fast\n  lrr: 1',
      'faults/irl.yaml': 'defaults: [part]\ncritic: { lr: 0 }\npolicy: 5',
    });
    expect(failure('faults/irl.yaml')).toMatch(/irl\.yaml:3: policy: expected a section of keys, got 5/);
    write({ 'faults/irl.yaml': 'defaults: [part]\ncritic: { lr: 0 }' });
    const message = failure('faults/irl.yaml');
    expect(message).toMatch(/part\.yaml:2: policy\.lr: expected a number, got "fast"/);
    expect(message).toMatch(/part\.yaml:3: policy\.lrr: unknown key\. Did you mean policy\.lr\?/);
    expect(message).toMatch(/irl\.yaml:2: critic\.lr: expected more than 0/);
  });

  it('refuses a file of another kind in one line', () => {
    write({ 'kind/part.yaml': 'kind: sft', 'kind/irl.yaml': 'defaults: [part]\ncritic: { lr: 1e-5 }' });
    expect(failure('kind/irl.yaml')).toMatch(
      /^kind\/part\.yaml:1: kind: expected irl, as for train irl, got "sft"\.$/m,
    );
  });
});

describe('a value that names another', () => {
  it('takes its last value and type, under either name of it', () => {
    write({
      'names.yaml': [
        'run: { name: a, dir: "out/${run.name}/${data.format}" }',
        'data: { path: "${oc.env:ROWS,rows.jsonl}", format: jsonl }',
        'critic: { lr: "${policy.lr}", lora: { rank: "${model.policy_lora_rank}" } }',
        'policy: { lora: { rank: 4 } }',
        'negatives: { functions: ["${run.name}"] }',
      ].join('\n'),
    });
    const more = ['wandb.run_name=corrupt_numbers', 'policy.lr=3e-4'];
    const { config } = resolve('names.yaml', more);
    expect(config.run.dir).toBe('out/corrupt_numbers/jsonl');
    expect(config.critic).toMatchObject({ lr: 3e-4, lora: { rank: 4 } });
    expect(config.negatives.functions).toEqual(['corrupt_numbers']);
    expect(config.data.path).toBe('rows.jsonl');
    expect(resolve('names.yaml', more, { ROWS: 'b.jsonl' }).config.data.path).toBe('b.jsonl');
    expect(resolve('names.yaml', [...more, 'run.dir=a\\${b}']).config.run.dir).toBe('a${b}');
  });

  it.each([
    ['run.dir=${nothing.here}', /\$\{nothing\.here\} names a key that nothing sets/],
    ['run.dir=${run.dir}', /the value needs itself: run\.dir -> run\.dir/],
    ['run.dir=a-${data.path}', /data\.path\} names a key|is not set, but stands in one/],
    ['run.dir=${oc.env:NOT_THERE}', /the environment has no NOT_THERE/],
    ['run.dir=${run.name', /expected \$\{section\.key\}/],
    ['run.dir=${a b}', /expected \$\{section\.key\}/],
    ['run.dir=a-${reward.clip}', /is not a text/],
  ])('is refused: %s', (override, message) => {
    write({ 'plain.yaml': '' });
    expect(failure('plain.yaml', [override])).toMatch(message);
  });
});

describe('an override', () => {
  it("may have Hydra's signs before it", () => {
    write({ 'signs.yaml': 'run: { seed: 5, dir: a }\npolicy: { lr: 1e-3 }\nmodel: { reward_lb: -3 }' });
    expect(resolve('signs.yaml', ['+run.seed=6', '++policy.lr=2e-3']).config).toMatchObject({
      run: { seed: 6 },
      policy: { lr: 2e-3 },
    });
    const { config } = resolve('signs.yaml', ['~run.seed', '~policy', '~model.reward_lb', 'policy.kl_beta=0']);
    expect(config.run).toMatchObject({ seed: 42, dir: 'a' });
    expect(config.policy).toMatchObject({ lr: 1e-5, kl_beta: 0 });
    expect(config.reward.clip).toEqual([-5, 5]);
    expect(failure('signs.yaml', ['++policy.lrr=1'])).toContain('Did you mean policy.lr?');
  });
});
