import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Bundle, bundleSources } from '../bundle-sources.ts';

let bundle: Bundle;
beforeAll(async () => {
  bundle = await bundleSources({ session: 'src/run/run-session.ts' });
});
afterAll(() => bundle.remove());

/** Counts up to the number given, one row of metrics a step, from where the metrics end. */
const COUNTER = `
import { runSession } from './session.mjs';
const [dir, steps, resume, ...files] = process.argv.slice(2);
const inputs = [{ role: 'data', files }];
const settings = { config: { run: { dir, seed: 3 } }, resume: resume === 'resume', inputs, objective: 'objective: counting' };
const context = { err: (text) => process.stderr.write(text), exitWith: (code) => { process.exitCode = code; } };
await runSession(settings, context, async ({ device, directory, progress, stop, save }) => {
  if (device.state !== 'ready') throw new Error('no device');
  for (let step = 1; step <= Number(steps) && !stop.isRequested; step++) {
    await new Promise((resolve) => setTimeout(resolve, 10));
    directory.metrics.append({ step });
    progress.step('count', step, Number(steps), {});
    if (save.take()) {
      progress.note('saved at ' + step);
      break;
    }
  }
});
`;

describe('runSession', () => {
  it('leaves a run directory that says what ran on what, and no lock', async () => {
    const folder = mkdtempSync(join(bundle.folder, 'run-'));
    const data = join(bundle.folder, 'rows.jsonl');
    writeFileSync(data, 'abc');
    const dir = join(folder, 'a');
    const { code, stderr } = await bundle.run(COUNTER, [dir, '3', 'new', data]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/^run: .*\/a on .+\nobjective: counting\ncount {2}1\/3 {2}33%/m);
    expect(readFileSync(join(dir, 'metrics.jsonl'), 'utf8')).toBe('{"step":1}\n{"step":2}\n{"step":3}\n');
    const { starts } = JSON.parse(readFileSync(join(dir, 'env.json'), 'utf8'));
    expect(starts[0]).toMatchObject({ seed: 3, dataHashes: { data: { [data]: expect.stringMatching(/^ba7816bf/) } } });
    expect(starts[0].adapter.description).not.toBe('');
    expect(existsSync(join(dir, 'lock'))).toBe(false);
  });

  it('exits with 130 after Ctrl-C, the work finished in order', async () => {
    const dir = join(mkdtempSync(join(bundle.folder, 'run-')), 'a');
    const signals = [{ after: 'count', signal: 'SIGINT' }] as const;
    const { code, stderr } = await bundle.run(COUNTER, [dir, '2000', 'new'], { signals });
    expect(code, stderr).toBe(130);
    expect(stderr).toContain('SIGINT: finishing this step and saving');
    expect(readFileSync(join(dir, 'metrics.jsonl'), 'utf8')).toMatch(/^(\{"step":\d+\}\n)+$/);
    expect(existsSync(join(dir, 'lock'))).toBe(false);
    const again = await bundle.run(COUNTER, [dir, '1', 'resume']);
    expect(again.code, again.stderr).toBe(0);
  });

  it('asks for a checkpoint on SIGUSR2 without ending', async () => {
    const dir = join(mkdtempSync(join(bundle.folder, 'run-')), 'a');
    const signals = [{ after: 'count', signal: 'SIGUSR2' }] as const;
    const { code, stderr } = await bundle.run(COUNTER, [dir, '2000', 'new'], { signals });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/SIGUSR2: saving a checkpoint after this step, and going on\..*saved at \d+/s);
  });

  it('makes no run directory where an input is missing', async () => {
    const dir = join(bundle.folder, 'never');
    const { code, stderr } = await bundle.run(COUNTER, [dir, '1', 'new', '/no/such/rows.jsonl']);
    expect(code).toBe(1);
    expect(stderr).toContain('/no/such/rows.jsonl: expected a readable file, got ENOENT.');
    expect(existsSync(dir)).toBe(false);
  });
});
