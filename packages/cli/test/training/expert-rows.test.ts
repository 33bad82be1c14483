import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';
import { writeTinyModel } from '../tiny-model.ts';

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-experts-'));
  await writeTinyModel(join(folder, 'base'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const good = { prompt: 'sum 1 + 2 =', target: '<think>\nsum 1 + 2 = 3\n</think>\n<answer>\n3\n</answer>', answer: '3' };

async function train(method: 'sft' | 'irl', rows: readonly object[], ...more: readonly string[]) {
  const path = join(folder, 'rows.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const run = join(folder, 'run');
  const data = ['--data', path, 'data.format=jsonl', 'data.dev_fraction=0', `run.dir=${run}`];
  const result = await runMain('train', method, '--model', join(folder, 'base'), ...data, ...more);
  return { ...result, path, run };
}

describe('rows of experts', () => {
  it('without a reasoning block or an answer are refused by R-AIRL before anything runs, all in one message', async () => {
    const bare = { ...good, prompt: 'sum 2 + 2 =', target: 'sum 2 + 2 = 4' };
    const open = { ...good, prompt: 'sum 2 + 3 =', target: '<think>\nsum\n</think>\n5' };
    const { code, err, path, run } = await train('irl', [good, bare, open]);
    expect(code, err).toBe(3);
    expect(err).toContain(`row ${path}:2 with no <think>...</think> block`);
    expect(err).toContain(`row ${path}:3 with no <answer>...</answer> block behind the reasoning`);
    expect(err).toContain('data.bad_rows=drop');
    expect(existsSync(run)).toBe(false);
  });

  it('that the edits cannot make wrong are told under data.expert_error_rate', async () => {
    const free = { ...good, target: 'three' };
    const { code, err } = await train('sft', [free], 'data.expert_error_rate=1');
    expect(code, err).toBe(3);
    expect(err).toMatch(/data\.expert_error_rate: expected 1 of 1 experts that .* can change, got 0/);
  });

  it('that cannot be read are one message, or are left out under data.bad_rows=drop', async () => {
    const rows = [good, { prompt: 'x' }, { answer: '3' }, []];
    const refused = await train('sft', rows);
    expect(refused.code, refused.err).toBe(3);
    expect(refused.err).toContain(
      `${refused.path}:2: expected a field "answer", got fields prompt; 3 of 4 rows cannot be used, also 3, 4`,
    );
    const dropped = await train('sft', rows, 'data.bad_rows=drop', 'data.max_prompt_tokens=1');
    // The one good row is read, and only its length is wrong.
    expect(dropped.err).toContain('1 of 1 rows over data.max_prompt_tokens=1');
  });
});
