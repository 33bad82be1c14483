import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needsAdapter } from '../../setup/launcher.mjs';
import { partKey } from '../../src/study/part-key.ts';
import { planStudy } from '../../src/study/study-plan.ts';
import { studySettings } from '../../src/study/study-settings.ts';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-plugins-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const plugin = (name: string, estimator = 'own', mean = 0): string =>
  write(
    name,
    `export default ({ airl }) => {
      airl.registerEstimator('${estimator}', ({ completions }) => completions.map(() => ({ mean: ${mean}, divisor: 1 })));
    };`,
  );

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

describe('a name of a plugin', () => {
  it('is a value of the command that names the plugin, and of no other', async () => {
    const path = plugin('own.mjs');
    const show = ['config', 'show', 'grpo', 'credit.estimator=own'];
    const { code, out } = await runMain(...show, '--plugin', path);
    expect(code).toBe(0);
    expect(out).toContain('estimator: own');
    expect(out).toContain(`plugins: [ ${path} ]`);
    expect((await runMain(`--plugin=${path}`, ...show)).code).toBe(0);
    const without = await runMain(...show);
    expect(without.code).toBe(3);
    expect(without.err).toBe('credit.estimator=own: expected one of group, dr_grpo, rloo, reinforce_pp, got "own".\n');
  });

  it('is known where a part of a configuration file names the plugin, and is listed for a wrong one', async () => {
    const path = plugin('own.mjs');
    write('part.yaml', `run: { plugins: ["${path}"] }\n`);
    const file = write('run.yaml', 'kind: grpo\ndefaults: [part]\ncredit: { estimator: ovn }\n');
    const { code, err } = await runMain('config', 'explain', file);
    expect(code).toBe(3);
    expect(err).toContain(
      `${file}:3: credit.estimator: expected one of group, dr_grpo, rloo, reinforce_pp, own, got "ovn". Did you mean own?`,
    );
  });

  it('is in the JSON Schema', async () => {
    const { out } = await runMain('config', 'schema', 'irl', '--plugin', plugin('own.mjs'));
    const { estimator } = JSON.parse(out).properties.credit.properties;
    expect(estimator).toMatchObject({ enum: ['group', 'dr_grpo', 'rloo', 'reinforce_pp', 'own'], default: 'group' });
  });

  it('may come from a file that was changed between two commands of one process', async () => {
    const first = plugin('changed.mjs', 'first');
    expect((await runMain('config', 'show', 'grpo', 'credit.estimator=first', '--plugin', first)).code).toBe(0);
    plugin('changed.mjs', 'second');
    expect((await runMain('config', 'show', 'grpo', 'credit.estimator=second', '--plugin', first)).code).toBe(0);
  });
});

describe('one clear message and exit code 3 for', () => {
  const cases: [string, () => string, RegExp][] = [
    [
      'a missing file',
      () => join(folder, 'none.mjs'),
      /none\.mjs: expected a plugin, a file that can be read, got no such file \(ENOENT\)\./,
    ],
    ['a folder', () => mkdirSync(join(folder, 'folder.mjs'), { recursive: true }) ?? '', /got a folder\./],
    [
      'another kind of file',
      () => write('notes.txt', ''),
      /expected a plugin: a file \.mjs, \.js, \.mts, \.ts, got another ending\./,
    ],
    [
      'no default export',
      () => write('a.mjs', 'export const x = 1;'),
      /expected a function as the default export, got no default export\. Hint: write/,
    ],
    ['another default export', () => write('b.mjs', 'export default {};'), /got an object\./],
    [
      'one that registers nothing',
      () => write('c.mjs', 'export default () => {};'),
      /got one that registered nothing\. Hint: call registerEstimator/,
    ],
    [
      'one that throws as it is loaded',
      () => write('d.mjs', "throw new Error('no luck');"),
      /d\.mjs: expected a plugin that can be loaded, got Error: no luck\./,
    ],
    [
      'one that throws as it registers',
      () => write('e.mjs', 'export default ({ airl }) => { airl.nothing(); };'),
      /expected a plugin that registers without an error, got TypeError: airl\.nothing is not a function\./,
    ],
    ['a promise that fails', () => write('f.mjs', "export default async () => { throw 'a text'; };"), /got a text\./],
    [
      'text that is no program',
      () => write('g.mjs', 'export default ('),
      /g\.mjs: expected a plugin that can be loaded, got \w*Error: /,
    ],
    [
      'a name that is taken',
      () => plugin('taken.mjs', 'rloo'),
      /taken\.mjs: advantage estimator "rloo": expected a name of its own; credit\.estimator has .*, got one that is taken\. Hint: give it another name\./,
    ],
    [
      'packages that it imports itself',
      () => write('h.mjs', "import { sum } from '@dawngrad/tensor';\nexport default () => sum;"),
      /got an import of @dawngrad\/tensor, another copy of it\. Hint: write export default/,
    ],
  ];
  it.each(cases)('%s', async (_, make, message) => {
    const { code, out, err } = await runMain('config', 'show', 'irl', '--plugin', make());
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('two plugins with one name, of which neither stays', async () => {
    const [a, b] = [plugin('one.mjs'), plugin('two.mjs')];
    const { code, err } = await runMain('config', 'show', 'irl', '--plugin', a, '--plugin', b);
    expect(code).toBe(3);
    expect(err).toContain(`${b}: advantage estimator "own"`);
    expect((await runMain('config', 'show', 'irl', '--plugin', a)).code).toBe(0);
  });

  it('a plugin that a sweep file names, with its line', async () => {
    const file = write(
      'sweep.yaml',
      'name: s\nstages:\n  a:\n    run: train grpo\n    set: { run.plugins: [none.mjs], data.path: d, policy.model: m }\n',
    );
    const { code, err } = await runMain('sweep', file, '--dry-run');
    expect(code).toBe(3);
    expect(err).toMatch(/sweep\.yaml:5: stages\.a\.set: none\.mjs: expected a plugin, .*ENOENT/);
  });
});

it('--plugin without a file is a usage error', async () => {
  expect((await runMain('config', 'show', 'irl', '--plugin')).code).toBe(2);
});

it('the launcher tells the verb from the file of a plugin', () => {
  expect(needsAdapter(['--plugin', 'a.mjs', 'train', 'irl'])).toBe(true);
  expect(needsAdapter(['--plugin', 'a.mjs', 'config', 'show'])).toBe(false);
});

it('a changed plugin is another stage of a sweep, and is refused by a run that goes on', async () => {
  const path = plugin('resumed.mjs');
  await writeTinyModel(join(folder, 'model'));
  writeSums(join(folder, 'rows.jsonl'), 12);
  const settings = {
    'run.plugins': [path],
    'credit.estimator': 'own',
    'data.format': 'jsonl',
    'data.path': join(folder, 'rows.jsonl'),
    'data.max_prompt_tokens': 16,
    'data.max_completion_tokens': 16,
    'policy.model': join(folder, 'model'),
    'sampling.group_size': 2,
    'train.prompts_per_round': 2,
    'train.max_steps': 1,
    'eval.prompts': 2,
  };
  const sweep = write(
    'changed.yaml',
    `name: changed\nstages:\n  a:\n    run: train grpo\n    set: ${JSON.stringify(settings)}\n`,
  );
  const stages = async (): Promise<string> => (await runMain('sweep', sweep, '--dry-run', '--json')).out;
  const words = Object.entries(settings).map(([key, value]) => `${key}=${JSON.stringify(value)}`);
  const train = ['train', 'grpo', ...words, `run.dir=${join(folder, 'run')}`];
  const { code, err } = await runMain(...train);
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  const before = await stages();
  expect(before).toBe(await stages());

  plugin('resumed.mjs', 'own', 1);
  expect(await stages()).not.toBe(before);
  const again = await runMain(...train, 'train.max_steps=2', '--resume');
  expect(again.code).toBe(3);
  expect(again.err).toMatch(
    /run\.plugins: expected what the run started with, .*resumed\.mjs \(SHA-256 \w{12}\.\.\.\), got .*resumed\.mjs \(SHA-256 /,
  );
  plugin('resumed.mjs');
  expect((await runMain(...train, 'train.max_steps=2', '--resume')).code).toBe(0);
});

describe('a variant of an arm of the study', () => {
  const study = (...args: string[]) => runMain('study', '--dry-run', '--setting', 'tool', '--seed', '11', ...args);

  it('is trained beside the arms, whose parts it leaves as they are', async () => {
    const keys = (arms: readonly string[], plugins: readonly string[] = []): Map<string, string> => {
      const settings = studySettings({ size: 'tiny', seeds: [11], settings: ['tool'], arms, plugins });
      return new Map([...planStudy(settings).measured[0]!.trained.arms].map(([name, part]) => [name, partKey(part)]));
    };
    const variant = 'irl-step+estimator=rloo+loss=wasserstein';
    const [plain, both, changed] = [keys(['irl-step']), keys([variant, 'irl-step'], ['a']), keys([variant], ['b'])];
    expect([...both.keys()]).toEqual(['sft', 'irl-step', variant]);
    expect(both.get('irl-step')).toBe(plain.get('irl-step'));
    expect(new Set([plain.get('irl-step'), both.get(variant), changed.get(variant)]).size).toBe(3);
  });

  it.each([
    ['grpo+loss=bce', 'expected a variant of an arm of R-AIRL, got one of grpo.'],
    ['irl-step+lr=1', 'expected +estimator=NAME and +loss=NAME, each once, got +lr=1.'],
    ['irl-step+loss=bce+loss=bce', 'each once, got +loss=bce.'],
    [
      'irl-step+loss=pairwse',
      'expected loss one of bce, pairwise, wasserstein, got "pairwse". Hint: Did you mean pairwise?',
    ],
    ['irl-step+estimator=own', 'reinforce_pp, got "own". Hint: a plugin adds names: --plugin FILE.'],
  ])('that is none is refused: %s', async (arm, message) => {
    const { code, err } = await study('--arms', arm);
    expect(code).toBe(2);
    expect(err).toContain(message);
  });
});
