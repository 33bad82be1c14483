import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeRun } from '../run-folders.ts';
import { runMain } from '../run-main.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-diff-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const start = (sha: string): object => ({
  dawngrad: '0.1.0',
  commit: { sha },
  startedAt: sha,
  adapter: { description: 'llvmpipe' },
});

test('fields, environments and metrics that differ, with where the runs part', async () => {
  const [a, b] = ['a', 'b'].map((name) => join(folder, name)) as [string, string];
  const config = (seed: number, dir: string): object => ({ run: { seed, dir }, policy: { lr: 1e-5, clip: [0, 1] } });
  writeRun(a, {
    config: config(1, a),
    starts: [start('x')],
    metrics: [
      { step: 1, loss: 2, step_time: 1 },
      { step: 2, loss: 1 },
      { step: 3, loss: 0 },
    ],
  });
  writeRun(b, {
    config: config(2, b),
    starts: [start('y')],
    metrics: [
      { step: 1, loss: 2, step_time: 9 },
      { step: 2, loss: 1.5, extra: 1 },
    ],
  });
  const { code, out } = await runMain('diff', a, b, '--json');
  expect(code).toBe(0);
  expect(JSON.parse(out)).toEqual({
    runs: [a, b],
    config: [{ key: 'run.seed', values: [1, 2] }],
    environment: [{ key: 'commit.sha', values: ['x', 'y'] }],
    step: 2,
    stage: null,
    partAt: 2,
    metrics: [
      { key: 'loss', values: [1, 1.5] },
      { key: 'extra', values: [null, 1] },
    ],
  });
  const text = (await runMain('diff', a, b)).out;
  expect(text).toMatch(/run\.seed +1 +2 +\+1\n/);
  expect(text).toContain('they part at step 2');
});

test('the same run twice differs in nothing; a folder that is no run is refused', async () => {
  const path = join(folder, 'a');
  writeRun(path, { config: { run: { seed: 1 } }, metrics: [{ step: 1, loss: 2 }] });
  const { out } = await runMain('diff', path, path);
  expect(out).toBe(
    'configuration: the same\n\nenvironment and inputs: the same\n\nmetrics at step 1, the last that both have: the same\n\nno metric differs at any step but those of time and memory\n',
  );
  const { code, err } = await runMain('diff', path, folder);
  expect([code, err]).toEqual([3, expect.stringContaining('config.lock.json')]);
});
