import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { modelFolder } from '../../src/run/model-folder.ts';
import { CHECKPOINTS, CONFIG } from '../../src/run/run-directory.ts';

const folder = mkdtempSync(join(tmpdir(), 'dawngrad-model-folder-'));
afterAll(() => rmSync(folder, { recursive: true }));

function writeRun(name: string, pointers: Readonly<Record<string, string>>): string {
  const run = join(folder, name);
  mkdirSync(join(run, CHECKPOINTS), { recursive: true });
  writeFileSync(join(run, CONFIG), '{}');
  for (const [pointer, step] of Object.entries(pointers)) writeFileSync(join(run, CHECKPOINTS, pointer), step);
  return run;
}

describe('the folder of a run', () => {
  const run = writeRun('a', { latest: 'step-00000004', best: 'step-00000002' });

  it('means its newest checkpoint', async () => {
    expect(await modelFolder(run)).toBe(join(run, CHECKPOINTS, 'step-00000004'));
  });

  it.each(['best', 'best_model'])('with /%s means the one that was best on the dev rows', async (name) => {
    expect(await modelFolder(`${run}/${name}`)).toBe(join(run, CHECKPOINTS, 'step-00000002'));
  });

  it('is refused where it has none', async () => {
    const bare = writeRun('b', { latest: 'step-00000004' });
    await expect(modelFolder(`${bare}/best`)).rejects.toThrow(
      /expected a run with a best checkpoint.*train\.save_best/s,
    );
    await expect(modelFolder(writeRun('c', {}))).rejects.toThrow(/expected a run with a checkpoint/);
  });

  it('is another folder of that name, where there is one', async () => {
    mkdirSync(join(run, 'best'));
    expect(await modelFolder(`${run}/best`)).toBe(`${run}/best`);
  });
});
