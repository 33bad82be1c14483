import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-transfer-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Rows of two prompts, the first sample of each right; its score is `right`. */
function rows(right: number): string {
  const all = ['a', 'b'].flatMap((prompt_id) =>
    [0, 1].map((generation_idx) => ({
      ...{ schema: 1, run_id: 'r', prompt_id, generation_idx, gold: '1', marks: null, forced: null },
      prompt: [{ role: 'user', content: prompt_id }],
      generation: { content: String(1 - generation_idx) },
      completion_ids: [4],
      reward_model_score: [generation_idx === 0 ? right : 0],
      policy_log_probs: null,
      answer: String(1 - generation_idx),
      correctness_reward_func: generation_idx === 0 ? 2 : 0,
    })),
  );
  return all.map((row) => `${JSON.stringify(row)}\n`).join('');
}

describe('transfer', () => {
  it('reads files, folders and named files, and writes the matrix in four forms', async () => {
    const file = join(folder, 'transfer_q_dense_P_math_R_math_t0p5.jsonl');
    writeFileSync(file, rows(1));
    const run = join(folder, 'transfer_q_dense_P_math_R_mmlu_t0p5');
    mkdirSync(run);
    writeFileSync(join(run, 'eval_results_gsm8k.jsonl'), rows(-1));
    const other = join(folder, 'other.jsonl');
    writeFileSync(other, rows(0));
    const out = join(folder, 'out');
    const named = `transfer_q_dense_P_mmlu_R_math_t0p5=${other}`;
    const result = await runMain(
      'transfer',
      file,
      run,
      named,
      '--best-of',
      '2',
      '--output-dir',
      out,
      '--resamples',
      '100',
    );
    expect(result.code, result.err).toBe(0);
    expect(result.out).toContain('Missing: transfer_q_dense_P_mmlu_R_mmlu_t0p5');
    expect(readdirSync(out).sort()).toEqual(['transfer.csv', 'transfer.json', 'transfer.md', 'transfer.tex']);
    const { cells } = JSON.parse(readFileSync(join(out, 'transfer.json'), 'utf8'));
    const deltas = cells.map(
      (cell: { numbers: { delta: { value: number } } | null }) => cell.numbers?.delta.value ?? null,
    );
    expect(deltas).toEqual([0.5, -0.5, 0, null]);
  });

  it.each([
    ['a file that is not there', 'transfer_q_dense_P_a_R_b.jsonl', 'expected a file of evaluated rows'],
    ['a name that is no label', 'other.jsonl', 'transfer_{arch}_{variant}_P_'],
  ])('refuses %s', async (_, name, message) => {
    const { code, err } = await runMain('transfer', join(folder, name));
    expect(code).toBe(3);
    expect(err).toContain(message);
  });
});
