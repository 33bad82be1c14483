import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needsAdapter as launcherNeedsAdapter } from '../../setup/launcher.mjs';
import type { StageManifest } from '../../src/sweep/stage-manifest.ts';
import { needsAdapter } from '../../src/sweep/stage-verb.ts';
import { runMain } from '../run-main.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-sweep-'));
  mkdirSync(join(folder, 'model'));
  writeFileSync(join(folder, 'model', 'config.json'), '{}');
  writeFileSync(join(folder, 'train.jsonl'), '{}\n');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let count = 0;
/** Writes a sweep file and plans it. */
async function plan(text: string, ...args: string[]) {
  const path = join(folder, `sweep-${count++}.yaml`);
  writeFileSync(path, /^name:/m.test(text) ? text : `name: small\n${text}`);
  const result = await runMain('sweep', path, '--dry-run', '--json', '--dir', join(folder, 'out'), ...args);
  return { ...result, path };
}

async function stagesOf(text: string): Promise<StageManifest[]> {
  const { code, out, err } = await plan(text);
  expect(code, err).toBe(0);
  return (JSON.parse(out) as { stages: StageManifest[] }).stages;
}

const train = (more = '', name = 'sft'): string => `
stages:
  ${name}:
    run: train sft
    set: { data.path: ${join(folder, 'train.jsonl')}, policy.model: ${join(folder, 'model')}${more} }
`;

describe('the stages of a sweep', () => {
  it('are the product of the grid and the pairs, each on the axes that it names or takes over', async () => {
    const stages = await stagesOf(`
axes: { seed: [1, 2], model: [a, b, c] }
paired: [{ low: [-1, -2], high: [1, 2] }]
exclude: [{ model: c, seed: 2 }]
stages:
  first: { run: config show sft, args: ["run.seed=\${axes.seed}", "run.name=\${axes.model}"] }
  second: { run: config show irl, args: ["reward.clip=[\${axes.low},\${axes.high}]"], after: [first], skip: [{ model: b }] }
  third: { run: config show irl, inputs: { all: { stage: second, gather: [low, high, seed] } }, args: ["run.name=\${inputs.all.run}"] }
`);
    const labels = stages.map(({ label }) => label);
    expect(labels.filter((label) => label.startsWith('first'))).toEqual([
      'first seed=1 model=a',
      'first seed=1 model=b',
      'first seed=1 model=c',
      'first seed=2 model=a',
      'first seed=2 model=b',
    ]);
    expect(labels.filter((label) => label.startsWith('second'))).toEqual([
      'second seed=1 model=a low=-1 high=1',
      'second seed=1 model=a low=-2 high=2',
      'second seed=1 model=c low=-1 high=1',
      'second seed=1 model=c low=-2 high=2',
      'second seed=2 model=a low=-1 high=1',
      'second seed=2 model=a low=-2 high=2',
    ]);
    const gathered = stages.filter(({ stage }) => stage === 'third');
    expect(gathered.map(({ label, dependsOn }) => [label, dependsOn.length])).toEqual([
      ['third model=a', 4],
      ['third model=c', 2],
    ]);
    expect(gathered[0]?.args.filter((arg) => arg.startsWith('run.name='))).toHaveLength(4);
  });

  it('take from other points of the axes, and name gathered ones by their values', async () => {
    const stages = await stagesOf(`
axes: { domain: [x, y], from: [x, y], to: [x, y] }
stages:
  one: { run: config show sft, args: ["run.name=\${axes.domain}"] }
  cell: { run: config show irl, inputs: { p: { stage: one, at: { domain: "\${axes.from}" } }, r: { stage: one, at: { domain: "\${axes.to}" } } },
    args: ["run.name=\${inputs.p.run}:\${inputs.r.run}"] }
  all: { run: config show irl, inputs: { c: { stage: cell, gather: [from, to] } }, args: ["run.name=\${inputs.c.from}_\${inputs.c.to}"] }
`);
    const [x, y] = stages;
    const cells = stages.filter(({ stage }) => stage === 'cell');
    expect(cells.map(({ dependsOn }) => dependsOn)).toEqual([[x?.id], [x?.id, y?.id], [y?.id, x?.id], [y?.id]]);
    expect(stages.at(-1)?.args.slice(3)).toEqual(['run.name=x_x', 'run.name=x_y', 'run.name=y_x', 'run.name=y_y']);
  });

  it('are known by what they do: configuration, inputs, what they take from; not by their names or places', async () => {
    const [first] = await stagesOf(train());
    const [renamed] = await stagesOf(train('', 'imitation'));
    expect(renamed?.hash).toBe(first?.hash);
    const { out } = await plan(train(), '--dir', join(folder, 'elsewhere'));
    expect(JSON.parse(out).stages[0].hash).toBe(first?.hash);
    // A default that is written out is the same configuration.
    const [spelled] = await stagesOf(train(', run.seed: 42, run.name: x'));
    expect(spelled?.hash).toBe(first?.hash);
    const [other] = await stagesOf(train(', policy.lr: 1.0e-3'));
    expect(other?.hash).not.toBe(first?.hash);

    const evaluation = (more: string) =>
      `${train(more)}  test: { run: evaluate, set: { data.path: ${join(folder, 'train.jsonl')}, policy.model: "\${stages.sft.run}/best" } }\n`;
    const [, before] = await stagesOf(evaluation(''));
    const [, after] = await stagesOf(evaluation(', policy.lr: 1.0e-3'));
    expect(after?.hash).not.toBe(before?.hash);
    expect(before?.args).toContain(
      `policy.model=${JSON.stringify(join(folder, 'out', 'stages', first?.id ?? '', 'run', 'best'))}`,
    );

    appendFileSync(join(folder, 'train.jsonl'), '{}\n');
    const [edited] = await stagesOf(train());
    expect(edited?.hash).not.toBe(first?.hash);
  });

  it('that would do the same are one', async () => {
    const stages = await stagesOf(`
stages:
  a: { run: config show sft }
  b: { run: config show sft }
  c: { run: config show irl, after: [a, b] }
`);
    expect(stages.map(({ stage }) => stage)).toEqual(['a', 'c']);
    expect(stages[1]?.dependsOn).toEqual([stages[0]?.id]);
  });

  it('compute on an adapter where the launcher says so', async () => {
    const verbs = [...(await runMain('--help')).out.matchAll(/^ {2}(\w+) /gm)].map(([, verb]) => verb as string);
    expect(verbs.length).toBeGreaterThan(10);
    for (const verb of verbs) expect(needsAdapter([verb]), verb).toBe(launcherNeedsAdapter([verb]));
  });
});

describe('a sweep file with mistakes', () => {
  it.each([
    [
      'a cycle',
      'stages: { a: { run: config show sft, after: [b] }, b: { run: config show sft, after: [a] } }',
      'needs itself: a -> b -> a',
    ],
    [
      'an unknown stage',
      'stages: { sft: { run: config show sft }, b: { run: config show sft, after: [stf] } }',
      'unknown stage stf. Did you mean sft?',
    ],
    [
      'an unknown axis',
      `axes: { model: [a] }\nstages: { a: { run: "config show \${axes.modle}" } }`,
      'unknown axis modle. Did you mean model?',
    ],
    ['an unknown input', `stages: { a: { run: config show sft, args: ["\${inputs.x.run}"] } }`, 'unknown input x'],
    [
      'an unknown part',
      `stages: { a: { run: config show sft }, b: { run: config show sft, args: ["\${stages.a.rum}"] } }`,
      `expected \${stages.a.run}`,
    ],
    [
      'pairs of unequal length',
      'paired: [{ a: [1, 2], b: [1] }]\nstages: { a: { run: config show sft } }',
      'got: a has 2, b has 1',
    ],
    ['an unknown key', 'stages: { a: { run: config show sft, sets: {} } }', 'Did you mean set?'],
    ['no such verb', 'stages: { a: { run: trian sft } }', 'got "trian"'],
    ['a verb for people', 'stages: { a: { run: chat } }', 'got "chat"'],
    ['a verb without its kind', 'stages: { a: { run: train } }', 'expected one of sft, grpo, irl, opsd after "train"'],
    ['an unknown option', 'stages: { a: { run: ls, args: [--all] } }', 'ls has no option --all'],
    ['a missing argument', 'stages: { a: { run: diff, args: [x] } }', 'diff needs <other>'],
    [
      'a configuration for a verb without one',
      'stages: { a: { run: ls, set: { run.seed: 1 } } }',
      'takes no configuration',
    ],
    [
      'a key that the verb does not have',
      'stages: { a: { run: evaluate, set: { policy.lr: 1, data.path: d, policy.model: m } } }',
      'policy.lr',
    ],
    [
      'a configuration file that is not there',
      'stages: { a: { run: train sft, config: nowhere.yaml } }',
      'nowhere.yaml: expected a readable configuration file',
    ],
    [
      'a size that is none',
      'least_free: much\nstages: { a: { run: config show sft } }',
      'expected a size such as 10GB',
    ],
    [
      'a take from a point that is left out',
      `axes: { s: [1, 2] }\nstages: { a: { run: config show sft, args: ["run.seed=\${axes.s}"], only: { s: 1 } }, b: { run: config show sft, inputs: { x: { stage: a, at: { s: 2 } } } } }`,
      'needs the stage a where it is left out',
    ],
  ])('%s', async (_, text, message) => {
    const { code, err, path } = await plan(text);
    expect(err).toContain(message);
    expect(err).toContain(path);
    expect(code).toBe(3);
  });

  it('tells all of its mistakes at once, with their lines', async () => {
    const { err, path } = await plan(
      'name: small\nstages:\n  a: { run: trian }\n  b: { run: evaluate, set: { eval.kss: [1] } }',
    );
    expect(err).toContain(`${path}:3: stages.a.run`);
    expect(err).toContain('eval.kss');
  });

  it('starts nothing where a model, a file or disk space is missing', async () => {
    const path = join(folder, 'missing.yaml');
    const start = (text: string) => {
      writeFileSync(path, `name: small\n${text}`);
      return runMain('sweep', path, '--dir', join(folder, 'never'));
    };
    const lost = await start(
      'stages: { a: { run: train sft, set: { data.path: /nowhere/rows.jsonl, policy.model: ./nowhere/ckpt } } }',
    );
    expect(lost).toMatchObject({ code: 3 });
    expect(lost.err).toContain('2 that are not: data.path=/nowhere/rows.jsonl (a), policy.model=./nowhere/ckpt (a)');
    const full = await start('least_free: 900TB\nstages: { a: { run: config show sft } }');
    expect(full).toMatchObject({ code: 3 });
    expect(full.err).toMatch(/at least 900000.0 GB free on its disk/);
    expect(readdirSync(folder)).not.toContain('never');
  });

  it('says where Slurm is not', async () => {
    const { PATH } = process.env;
    try {
      process.env.PATH = join(folder, 'no-slurm-here');
      const path = join(folder, 'slurm.yaml');
      writeFileSync(path, 'name: small\nstages: { a: { run: config show sft } }');
      const { code, err } = await runMain('sweep', path, '--engine', 'slurm', '--dir', join(folder, 'slurm'));
      expect(code).toBe(3);
      expect(err).toContain("expected Slurm's sbatch on the PATH, got ENOENT");
      expect(readdirSync(join(folder, 'slurm'))).toEqual([]);
    } finally {
      process.env.PATH = PATH;
    }
  });
});

describe("the sweeps of the paper's experiments", () => {
  const sweeps = relative('', join(import.meta.dirname, '../../../../sweeps'));

  it.each(readdirSync(sweeps).filter((name) => name.endsWith('.yaml')))('%s resolves every stage', async (name) => {
    const { code, out, err } = await runMain('sweep', join(sweeps, name), '--dry-run', '--json');
    expect(code, err).toBe(0);
    const { stages } = JSON.parse(out) as { stages: StageManifest[] };
    expect(stages.length).toBeGreaterThan(10);
    const ids = new Set<string>();
    for (const { id, verb, config, dependsOn, label } of stages) {
      expect(config !== null, label).toBe(verb[0] === 'train' || verb[0] === 'evaluate');
      // Whatever a stage takes from comes before it.
      for (const other of dependsOn) expect(ids, label).toContain(other);
      ids.add(id);
      // No stage evaluates what the configuration alone would have found in another folder.
      if (verb[0] === 'evaluate') expect(JSON.stringify(config), label).not.toMatch(/"outputs\/[^"]*\/best"/);
    }
    expect(ids.size).toBe(stages.length);
  });
});
