import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';
import { writeTinyAdapter } from '../tiny-adapter.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-start-'));
  await writeTinyModel(join(folder, 'base'));
  writeSums(join(folder, 'sums.jsonl'), 4);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('training from an adapter', () => {
  it('that holds modules whole is refused before anything runs: its checkpoints would lose them', async () => {
    const adapter = join(folder, 'adapter');
    const whole = (name: string) => ({ name, shape: [41, 16], read: async () => new Float32Array(41 * 16).fill(0.1) });
    const modulesToSave = ['embed_tokens', 'lm_head'];
    await writeTinyAdapter(adapter, { baseModel: join(folder, 'base'), modulesToSave }, [
      whole('model.embed_tokens.weight'),
      whole('lm_head.weight'),
    ]);
    const run = join(folder, 'run');
    const data = ['--data', join(folder, 'sums.jsonl'), 'data.format=jsonl'];
    const { code, err } = await runMain(
      'train',
      'sft',
      '--model',
      adapter,
      ...data,
      `run.dir=${run}`,
      'policy.lora.rank=2',
    );
    expect(code, err).toBe(3);
    expect(err).toContain('one that also holds lm_head.weight whole');
    expect(err).toContain('dawngrad merge');
    expect(existsSync(run)).toBe(false);
  });

  it('asks for its rank before anything is made, whether that is another or none', async () => {
    const adapter = join(folder, 'plain');
    await writeTinyAdapter(adapter, { baseModel: join(folder, 'base') });
    const run = join(folder, 'other');
    const data = ['--data', join(folder, 'sums.jsonl'), 'data.format=jsonl', `run.dir=${run}`];
    for (const rank of [0, 3]) {
      const { code, err } = await runMain('train', 'sft', '--model', adapter, ...data, `policy.lora.rank=${rank}`);
      expect(code, err).toBe(3);
      expect(err).toMatch(new RegExp(`policy\\.lora\\.rank: expected 2, that of the adapter .* got ${rank}`));
    }
    expect(existsSync(run)).toBe(false);
  });
});
