import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockRun } from '../../src/run/run-lock.ts';
import { writeRun } from '../run-folders.ts';
import { runMain } from '../run-main.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-ls-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const SFT = { run: { seed: 3 }, policy: { model: 'models/base' }, optim: {}, train: { max_steps: 4 } };
const IRL = { ...SFT, critic: {}, warmup: {}, sampling: {} };

function touch(path: string, seconds: number): void {
  for (const name of ['config.lock.json', 'env.json', 'metrics.jsonl', 'samples.jsonl'])
    utimesSync(join(path, name), seconds, seconds);
}

test('runs in all states, with how far and how good they are, the newest last', async () => {
  const paths = ['done', 'deep/er/half', 'going'].map((name) => join(folder, name));
  writeRun(paths[0]!, {
    config: SFT,
    metrics: [{ step: 2, 'eval/accuracy': 0.5 }, { step: 3, 'eval/accuracy': 0.25 }, { step: 4 }],
  });
  writeRun(paths[1]!, { config: IRL, metrics: [{ step: 1, reward: -0.5 }] });
  writeRun(paths[2]!, { config: { ...IRL, critic: undefined } });
  for (const [i, path] of paths.entries()) touch(path, 1_000_000 + i);
  using _ = lockRun(paths[2]!);
  const { code, out } = await runMain('ls', folder, '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject([
    { path: paths[0], kind: 'train sft', state: 'finished', step: 4, maxSteps: 4, devAccuracy: 0.5, seed: 3 },
    { path: paths[1], kind: 'train irl', state: 'stopped', step: 1, reward: -0.5, devAccuracy: null },
    { path: paths[2], kind: 'train grpo', state: 'running', step: null, model: 'models/base' },
  ]);
  const lines = (await runMain('ls', folder)).out.split('\n');
  expect(lines[0]).toMatch(/^run +kind +model +seed +step +state +dev % +reward +written$/);
  expect(lines[2]).toMatch(/^done +train sft +base +3 +4\/4 +finished +50\.0 +\d+ d ago$/);
});

test('a folder without runs, one that is not there, and a damaged run beside a sound one', async () => {
  expect((await runMain('ls', folder)).out).toBe(`no runs below ${folder}\n`);
  const missing = await runMain('ls', join(folder, 'none'));
  expect(missing.code).toBe(3);
  expect(missing.err).toContain('no such folder');
  writeRun(join(folder, 'sound'), { config: SFT });
  writeRun(join(folder, 'torn'), { config: SFT });
  writeFileSync(join(folder, 'torn/config.lock.json'), '{"run":');
  const { code, out, err } = await runMain('ls', folder);
  expect(code).toBe(4);
  expect(out).toContain('sound');
  expect(err).toContain(join(folder, 'torn/config.lock.json'));
});

test('a half-written last line does not hide the rows before it; one in the middle is an error', async () => {
  writeRun(join(folder, 'a'), { config: SFT });
  writeFileSync(join(folder, 'a/metrics.jsonl'), '{"step":1}\n{"step":2');
  expect(JSON.parse((await runMain('ls', folder, '--json')).out)).toMatchObject([{ step: 1 }]);
  writeFileSync(join(folder, 'a/metrics.jsonl'), '{"step":1}\n{"st\n{"step":3}\n');
  const { code, err } = await runMain('ls', folder);
  expect(code).toBe(4);
  expect(err).toContain('metrics.jsonl:2');
});
