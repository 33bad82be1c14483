import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readJsonLines } from '../../src/read-run/read-json-lines.ts';
import { lockRun } from '../../src/run/run-lock.ts';
import { type Bundle, bundleSources, type ProcessResult } from '../bundle-sources.ts';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

const MAIN = `import { main } from './main.mjs';\nprocess.exitCode = await main(process.argv.slice(2));`;

let folder: string;
let bundle: Bundle;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-sweep-'));
  await writeTinyModel(join(folder, 'model'));
  writeSums(join(folder, 'sums.jsonl'), 12);
  bundle = await bundleSources({ main: 'src/main.ts' });
});
afterAll(() => {
  bundle.remove();
  rmSync(folder, { recursive: true, force: true });
});

const sweep = (...args: string[]): Promise<ProcessResult> => bundle.run(MAIN, ['sweep', ...args]);

interface Status {
  readonly id: string;
  readonly label: string;
  readonly state: string;
  readonly attempts: readonly { readonly exitCode?: number }[];
}

async function statusOf(dir: string): Promise<readonly Status[]> {
  const { code, out, err } = await runMain('sweep', 'status', dir, '--json');
  expect(code, err).toBe(0);
  return JSON.parse(out).stages;
}

async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await what())) await sleep(50);
}

describe('a sweep on this machine', () => {
  it('goes on past a failure, does nothing twice, and tries again what failed', async () => {
    const [path, dir] = [join(folder, 'failing.yaml'), join(folder, 'failing')];
    writeFileSync(
      path,
      `
name: failing
axes: { seed: [1, 2] }
adapters: [{ DAWNGRAD_TEST_SLOT: "0" }, { DAWNGRAD_TEST_SLOT: "1" }]
stages:
  show: { run: config show sft, args: ["run.seed=\${axes.seed}"] }
  # A file that another stage would have to make, and does not.
  bad: { run: ls, args: ["\${stages.show.folder}/rows"], only: { seed: 2 } }
  after_bad: { run: config show irl, after: [bad] }
  other: { run: config show grpo, args: ["run.name=\${stages.show.out}"] }
`,
    );
    const first = await sweep(path, '--dir', dir);
    expect(first.code, first.stderr).toBe(1);
    const states = Object.fromEntries((await statusOf(dir)).map(({ label, state }) => [label, state]));
    expect(states).toEqual({
      'show seed=1': 'done',
      'show seed=2': 'done',
      'bad seed=2': 'failed',
      'after_bad seed=2': 'held',
      'other seed=1': 'done',
      'other seed=2': 'done',
    });
    expect(first.stdout).toContain('failing: 4 done, 1 failed, 1 held');
    expect(first.stderr).toMatch(
      /failed {2}bad seed=2 \(.*exit 3\).*\n {4}.*expected a folder to look in, got no such folder/,
    );
    expect(first.stderr).toContain('running show seed=2 (slot 1)');
    expect((await runMain('sweep', 'logs', dir)).out).toContain('expected a folder to look in');
    expect(readFileSync(join(realpathSync(join(dir, 'by-name', 'show', '1')), '..', 'out.txt'), 'utf8')).toContain(
      'seed: 1',
    );

    // What it lacked is there: it and what waits for it run, and nothing else.
    const before = (await statusOf(dir)).filter(({ state }) => state === 'done');
    const bad = (await statusOf(dir)).find(({ label }) => label === 'bad seed=2');
    const show = before.find(({ label }) => label === 'show seed=2');
    expect(bad?.attempts).toHaveLength(1);
    mkdirSync(join(dir, 'stages', show?.id ?? '', 'rows'));
    const again = await sweep(path, '--dir', dir);
    expect(again.code, again.stderr).toBe(0);
    const after = await statusOf(dir);
    expect(after.every(({ state }) => state === 'done')).toBe(true);
    expect(after.map(({ label, attempts }) => [label, attempts.length])).toEqual(
      after.map(({ label }) => [label, label.startsWith('bad') ? 2 : 1]),
    );
    const third = await sweep(path, '--dir', dir);
    expect(third).toMatchObject({ code: 0, stderr: '', stdout: 'failing: 6 done\n' });
  });

  it('does not start where a slot has no adapter, or where somebody is at it', async () => {
    const [path, dir] = [join(folder, 'blind.yaml'), join(folder, 'blind')];
    writeFileSync(
      path,
      `
name: blind
# What the loader of Vulkan takes for a machine without drivers.
adapters: [{ VK_LOADER_DRIVERS_DISABLE: "*" }]
stages:
  show: { run: config show sft }
  sft: { run: train sft, set: { data.path: ${join(folder, 'sums.jsonl')}, policy.model: ${join(folder, 'model')} } }
`,
    );
    const blind = await sweep(path, '--dir', dir);
    expect(blind.stderr).toMatch(/adapters\[0\]: expected an adapter that can train, got /);
    expect(blind.code).toBe(1);
    expect(readdirSync(dir)).toEqual([]);

    using _lock = lockRun(dir);
    const second = await runMain('sweep', path, '--dir', dir);
    expect(second.code).toBe(3);
    expect(second.err).toMatch(/expected a sweep that nobody else runs, got one that process \d+ on .* holds/);
  });

  it('saves what runs on Ctrl-C, and goes on from there', async () => {
    const [path, dir] = [join(folder, 'train.yaml'), join(folder, 'train')];
    const steps = 120;
    writeFileSync(
      path,
      `
name: train
stages:
  sft:
    run: train sft
    set: { data.path: ${join(folder, 'sums.jsonl')}, policy.model: ${join(folder, 'model')}, data.format: jsonl,
      data.max_prompt_tokens: 16, data.max_completion_tokens: 12, train.max_steps: ${steps}, train.rows_per_step: 4 }
  look: { run: inspect, args: ["\${stages.sft.run}"] }
`,
    );
    const running = sweep(path, '--dir', dir);
    const run = (): string => join(dir, 'by-name', 'sft');
    const rows = () => readJsonLines(join(run(), 'metrics.jsonl')).rows;
    await until(() => rows().length >= 3);
    const { pid } = JSON.parse(readFileSync(join(dir, 'lock'), 'utf8'));
    expect(pid).toBeGreaterThan(0);
    expect((await runMain('sweep', 'cancel', dir)).out).toBe(`train: process ${pid} was asked to save and end\n`);
    const stopped = await running;
    expect(stopped.code, stopped.stderr).toBe(130);
    const [sft] = await statusOf(dir);
    expect(sft).toMatchObject({ state: 'stopped' });
    const done = rows().length;
    expect(done).toBeLessThan(steps);
    expect(statSync(join(run(), 'ckpt', 'latest')).isFile()).toBe(true);

    const last = await sweep(path, '--dir', dir);
    expect(last.code, last.stderr).toBe(0);
    const trained = rows().filter(({ loss }) => typeof loss === 'number');
    expect(trained.map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
    expect(JSON.parse(readFileSync(join(run(), 'env.json'), 'utf8')).starts).toHaveLength(2);
    expect((await runMain('sweep', 'cancel', dir)).out).toBe('train: nothing runs\n');

    // A stage that is done has what others need, or says so before anything starts.
    const manifest = join(dir, 'stages', (await statusOf(dir))[1]?.id ?? '', 'manifest.json');
    writeFileSync(manifest, readFileSync(manifest, 'utf8').replace('"state": "done"', '"state": "failed"'));
    rmSync(join(run(), 'ckpt', 'latest'));
    const lost = await sweep(path, '--dir', dir);
    expect(lost.code).toBe(3);
    expect(lost.stderr).toContain('look: expected the checkpoint of sft in');
  });
});
