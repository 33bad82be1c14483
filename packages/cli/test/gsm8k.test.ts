import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readRows } from '@dawngrad/eval';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from './run-main.ts';
import { sharedData } from './shared-data.ts';

const model = sharedData('models/stories260K');
const trainRows = sharedData('gsm8k/train.jsonl');
const testRows = sharedData('gsm8k/test.jsonl');
const isPresent = model.isPresent && trainRows.isPresent && testRows.isPresent;

/** Published rows and a published model, at sizes that take seconds; the model is too small to solve any of them. */
describe.skipIf(!isPresent)('stories260K on the rows of GSM8K', { timeout: 300_000 }, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dawngrad-gsm8k-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const train = (kind: string, ...more: string[]): ReturnType<typeof runMain> =>
    runMain(
      ...['train', kind, '--data', trainRows.path, '--model', model.path, `run.dir=${join(folder, kind)}`],
      ...['data.dev_fraction=0', 'data.max_prompt_tokens=400', ...more],
    );
  const metrics = (kind: string): Record<string, number>[] =>
    readFileSync(join(folder, kind, 'metrics.jsonl'), 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));

  it('overfits 4 rows to under 0.1 nats a completion token', async () => {
    const sizes = ['data.max_rows=4', 'train.rows_per_step=4', 'train.max_steps=36'];
    const { code, err } = await train('sft', ...sizes, 'policy.lr=5e-3', 'optim.weight_decay=0');
    expect(code, err).toBe(0);
    expect(err).toContain('the model was trained on 512');
    const losses = metrics('sft').map(({ loss }) => loss!);
    expect(losses[0]).toBeGreaterThan(3);
    expect(losses.at(-1)).toBeLessThan(0.1);
  });

  const rounds = [
    ...['data.max_rows=64', 'data.overlong=drop', 'data.max_completion_tokens=128', 'train.max_steps=3'],
    ...['train.prompts_per_round=4', 'sampling.group_size=4', 'policy.lr=1e-4', 'policy.kl_beta=0.05'],
  ];

  it('completes 3 rounds of GRPO on 4 prompts x 4 samples', async () => {
    const { code, err } = await train('grpo', ...rounds);
    expect(code, err).toBe(0);
    expect(metrics('grpo').map(({ step }) => step)).toEqual([1, 2, 3]);
    for (const row of metrics('grpo')) {
      expect(row['sampling/logp_diff_max']).toBeLessThan(1e-3);
      expect(row['health/nonfinite']).toBe(0);
    }
  });

  it('completes 3 rounds of R-AIRL on 4 prompts x 4 samples, the critic telling experts from samples', async () => {
    const critic = ['warmup.steps=5', 'warmup.samples_per_prompt=1', 'critic.lr=1e-3', 'data.demonstrations=8'];
    const { code, err } = await train(
      'irl',
      ...rounds,
      ...critic,
      'critic.experts_per_update=4',
      'critic.policy_per_update=4',
    );
    expect(code, err).toBe(0);
    const rows = metrics('irl').filter(({ reward }) => reward !== undefined);
    expect(rows.map(({ step }) => step)).toEqual([1, 2, 3]);
    expect(rows.at(-1)!['disc/logit_expert']).toBeGreaterThan(rows.at(-1)!['disc/logit_policy']!);
  });

  it('evaluates 16 test rows x 4 samples with the critic of that run', async () => {
    const dir = join(folder, 'test');
    const run = join(folder, 'irl');
    const { code, out, err } = await runMain(
      ...['evaluate', '--data', testRows.path, '--model', run, '--critic', run, `run.dir=${dir}`, 'data.max_rows=16'],
      ...['data.max_prompt_tokens=600', 'data.max_completion_tokens=96', 'eval.samples_per_prompt=4'],
    );
    expect(code, err).toBe(0);
    expect(out).toContain('16 prompts x 4 samples');
    const path = join(dir, 'eval_results_gsm8k.jsonl');
    const rows = await readRows(readFileSync(path, 'utf8').split('\n'), path);
    expect(rows).toHaveLength(64);
    expect(rows.every(({ reward_model_score }) => reward_model_score !== null)).toBe(true);
  });
});
