import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvalRow } from '@dawngrad/eval';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bestOfAtEqualCompute, compareAtEqualCompute } from '../../src/guided/equal-compute.ts';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

const PROMPTS = 3;

let folder: string;
let model: string;
let data: string;
let trained: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-guided-'));
  model = join(folder, 'model');
  data = join(folder, 'sums.jsonl');
  trained = join(folder, 'irl');
  await writeTinyModel(model);
  writeSums(data, PROMPTS);
  const sizes = ['train.max_steps=1', 'train.prompts_per_round=2', 'sampling.group_size=2', 'warmup.steps=2'];
  const { code, err } = await runMain(
    ...['train', 'irl', '--data', data, '--model', model, `run.dir=${trained}`, 'data.format=jsonl', ...sizes],
    ...['data.max_prompt_tokens=16', 'data.max_completion_tokens=16', 'critic.lr=1e-2', 'data.dev_fraction=0'],
    ...['reward.granularity=dense'],
  );
  expect(code, err).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function evaluate(dir: string, ...more: string[]) {
  const limits = ['data.format=jsonl', 'data.max_prompt_tokens=16', 'data.max_completion_tokens=12'];
  return runMain(
    ...['evaluate', '--data', data, '--model', model, `run.dir=${join(folder, dir)}`, ...limits],
    ...['eval.samples_per_prompt=2', 'eval.resamples=100', 'reward.granularity=dense', ...more],
  );
}

describe('guided decoding', () => {
  it('in evaluate counts critic tokens and stands beside the best of N plain samples that cost as much', async () => {
    const { code, out, err } = await evaluate(
      'chunk',
      '--critic',
      trained,
      'guidance.method=chunk',
      'guidance.step_size=3',
    );
    expect(code, err).toBe(0);
    const { cells, guidance } = JSON.parse(readFileSync(join(folder, 'chunk', 'guidance.json'), 'utf8'));
    expect(guidance).toMatchObject({ method: 'chunk', step_size: 3, n_candidates: 4 });
    expect(cells).toHaveLength(1);
    const [cell] = cells;
    expect(cell).toMatchObject({ prompts: PROMPTS, samples: 2, temperature: 1 });
    expect(cell.critic_tokens).toBeGreaterThan(0);
    expect(cell.best_of).toBeGreaterThanOrEqual(2);
    expect(cell.compute_ratio).toBeGreaterThan(0.6);
    expect(cell.compute_ratio).toBeLessThan(1.6);
    expect(out).toContain(`best of ${cell.best_of} plain samples by the critic`);
    const plain = readFileSync(join(folder, 'chunk', 'plain_eval_results_jsonl.jsonl'), 'utf8')
      .trimEnd()
      .split('\n');
    expect(plain).toHaveLength(PROMPTS * 2 * cell.best_of);
  });

  it('needs a critic and completions to sample', async () => {
    const alone = await evaluate('alone', 'guidance.method=topk');
    expect(alone.code).toBe(3);
    expect(alone.err).toContain('needs a critic that guides and scores');
    const given = await evaluate('given', '--critic', trained, 'guidance.method=topk', 'eval.mode=pregenerated_policy');
    expect(given.code).toBe(3);
    expect(given.err).toContain('only sampled completions are guided');
  });

  it('in generate prints completions and what they took', async () => {
    const prompt = ['generate', '--model', model, '--prompt', 'sum 1 + 2 =', '--max-new-tokens', '6'];
    const { code, out, err } = await runMain(...prompt, '--critic', trained, '--guidance', 'topk', '--json');
    expect(code, err).toBe(0);
    const row = JSON.parse(out);
    expect(row.ids.length).toBeGreaterThan(0);
    expect(row.logprobs).toHaveLength(row.ids.length);
    const tokens = row.prompt_ids.length + row.ids.length;
    expect(err).toContain(
      `guidance took ${tokens} policy tokens and ${row.prompt_ids.length + 5 * row.ids.length} critic`,
    );
    const half = await runMain(...prompt, '--guidance', 'topk');
    expect(half.code).toBe(2);
    expect(half.err).toContain('--critic and --guidance together');
  });
});

describe('equal compute', () => {
  const row = (prompt: string, index: number, isRight: boolean, score: number): EvalRow =>
    ({
      prompt_id: prompt,
      generation_idx: index,
      completion_ids: [1, 2, 3, 4],
      reward_model_score: [score, score, score, score],
      correctness_reward_func: isRight ? 2 : 0,
      gold: '1',
    }) as unknown as EvalRow;
  const costs = new Map([
    ['a', { policyTokens: 10 + 16, criticTokens: 10 + 32 }],
    ['b', { policyTokens: 10 + 16, criticTokens: 10 + 32 }],
  ]);
  const promptTokens = new Map([
    ['a', 10],
    ['b', 10],
  ]);
  const guided = [row('a', 0, true, 1), row('b', 0, false, 1)];

  it('takes as many plain samples as cost the same, a token costing the weights of its model', () => {
    // Guided 26 + 42 a prompt; the prompt once in the policy 10; a plain sample 4 + 14.
    expect(bestOfAtEqualCompute(guided, costs, promptTokens, { policy: 1, critic: 1 })).toBe(Math.round(58 / 18));
    // A critic of no weight: 16 tokens of the policy buy four samples of 4.
    expect(bestOfAtEqualCompute(guided, costs, promptTokens, { policy: 1, critic: 0 })).toBe(4);
  });

  it('takes the best by the critic of each N, ties averaged, a score that is no number last', () => {
    const plain = [row('a', 0, false, Number.NaN), row('a', 1, true, -5), row('b', 0, true, 2), row('b', 1, false, 2)];
    const found = compareAtEqualCompute(guided, plain, {
      ...{ temperature: 1, costs, promptTokens, sizes: { policy: 1, critic: 1 } },
      ...{ bestOf: 2, selector: 'mean', resamples: 100, seed: 1 },
    });
    expect([found.guided.value, found.plain_best_of.value, found.plain_mean.value]).toEqual([0.5, 0.75, 0.5]);
    expect(found.difference.value).toBe(-0.25);
    expect(found.compute_ratio).toBeCloseTo((20 + 4 * 18) / (2 * 68), 12);
  });
});
