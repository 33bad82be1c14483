import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { writeLines } from '../run-folders.ts';
import { runMain } from '../run-main.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-compare-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Rows of some prompts: of each so many right ones of four, which have the higher reward. */
function rows(right: readonly number[]): object[] {
  return right.flatMap((count, p) =>
    Array.from({ length: 4 }, (_, i) => ({
      schema: 1,
      run_id: 'r',
      prompt_id: `p${p}`,
      prompt: [{ role: 'user', content: `q${p}` }],
      generation: { content: `text ${i}` },
      generation_idx: i,
      completion_ids: [1],
      marks: [0],
      forced: [],
      reward_model_score: [i < count ? 1 : -1],
      policy_log_probs: null,
      gold: '1',
      answer: i < count ? '1' : '2',
      correctness_reward_func: i < count ? 2 : 0,
    })),
  );
}

function write(name: string, right: readonly number[]): string {
  mkdirSync(join(folder, name));
  writeLines(join(folder, name, 'eval_results_x.jsonl'), rows(right));
  return join(folder, name);
}

test('pass@1, the paired difference and best-of-N of folders and files', async () => {
  const sft = write('sft', [1, 1, 2, 0]);
  const irl = write('irl', [2, 2, 4, 0]);
  const { code, out } = await runMain('compare', sft, join(irl, 'eval_results_x.jsonl'), '--json');
  expect(code).toBe(0);
  const [first, second] = JSON.parse(out);
  expect(first).toMatchObject({ name: 'sft', prompts: 4, size: 4, passAt1: { value: 0.25 }, overFirst: null });
  expect(second).toMatchObject({ passAt1: { value: 0.5 }, rewardAuroc: { value: 1 } });
  expect(second.overFirst.difference.value).toBeCloseTo(0.25);
  // Two prompts of a quarter, one of a half, one of nothing: two of eight sign patterns are as far from 0.
  expect(second.overFirst.test.signFlipP).toBeCloseTo(0.25);
  expect(second.bestOf.find(({ ranker }: { ranker: string }) => ranker === 'reward').estimates[0].value).toBe(0.75);
  const text = (await runMain('compare', sft, irl)).out;
  expect(text).toMatch(/^evaluation +pass@1 % +less the first +p +majority of 4 % +reward of 4 % +reward AUROC %\n/);
  expect(text).toMatch(/\nirl +50\.0 \[.*\] +\+25\.0 \[.*\] +0\.250 +/);
});

test('evaluations of other prompts, one alone, none, and more samples than there are', async () => {
  const a = write('a', [1, 1]);
  const b = write('b', [1, 1, 1]);
  mkdirSync(join(folder, 'empty'));
  for (const [args, code, message] of [
    [[a, b], 3, /0 missing and 1 \(p2\) more/],
    [[a], 2, /two or more evaluations/],
    [[a, join(folder, 'none')], 3, /no such path/],
    [[a, join(folder, 'empty')], 3, /a folder without evaluated rows/],
    [[a, a, '--best-of', '9'], 3, /at most 4/],
  ] as const) {
    const result = await runMain('compare', ...args);
    expect([result.code, result.err]).toEqual([code, expect.stringMatching(message)]);
  }
});
