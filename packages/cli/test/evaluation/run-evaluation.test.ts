import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EvalRow, readRows } from '@dawngrad/eval';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleSources } from '../bundle-sources.ts';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

const PROMPTS = 6;
const SAMPLES = 4;

let folder: string;
let model: string;
let data: string;
/** A run of R-AIRL: its newest checkpoint is the policy, the critic lies in it. */
let trained: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-evaluate-'));
  model = join(folder, 'model');
  data = join(folder, 'sums.jsonl');
  trained = join(folder, 'irl');
  await writeTinyModel(model);
  writeSums(data, PROMPTS);
  const sizes = ['train.max_steps=2', 'train.prompts_per_round=2', 'sampling.group_size=2', 'warmup.steps=2'];
  const { code, err } = await runMain(
    ...['train', 'irl', '--data', data, '--model', model, `run.dir=${trained}`, 'data.format=jsonl', ...sizes],
    ...['data.max_prompt_tokens=16', 'data.max_completion_tokens=16', 'critic.lr=1e-2', 'data.dev_fraction=0'],
  );
  expect(code, err).toBe(0);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function args(dir: string, ...more: string[]): string[] {
  const limits = ['data.format=jsonl', 'data.max_prompt_tokens=16', 'data.max_completion_tokens=16'];
  const sizes = [`eval.samples_per_prompt=${SAMPLES}`, 'eval.batch=8', 'reward.granularity=dense'];
  return ['evaluate', '--data', data, `run.dir=${dir}`, ...limits, ...sizes, ...more];
}

async function rowsOf(dir: string): Promise<Omit<EvalRow, 'run_id'>[]> {
  const path = join(dir, 'rows.jsonl');
  const rows = await readRows(readFileSync(path, 'utf8').split('\n'), path);
  return rows.map(({ run_id, ...row }) => row as EvalRow);
}

describe('evaluate', () => {
  it('scores the samples of a run with its critic and prints tables of at most 120 columns', async () => {
    const dir = join(folder, 'whole');
    const { code, out, err } = await runMain(...args(dir, '--model', trained, '--critic', trained));
    expect(code, err).toBe(0);
    expect(err).toContain('trained at reward.granularity=sparse and is read at reward.granularity=dense');
    const rows = await rowsOf(dir);
    expect(rows).toHaveLength(PROMPTS * SAMPLES);
    for (const row of rows) {
      const length = row.completion_ids.length;
      expect(row.reward_model_score).toHaveLength(length);
      expect(row.policy_log_probs).toHaveLength(length);
      expect(row.marks).toHaveLength(length);
      expect(Math.max(...row.policy_log_probs!)).toBeLessThanOrEqual(0);
    }
    expect(new Set(rows.map(({ reward_model_score }) => reward_model_score![0])).size).toBeGreaterThan(1);
    for (const text of ['pass@k %', 'majority vote', 'shortest', 'log-probability', 'learned reward', 'best of 4 %']) {
      expect(out).toContain(text);
    }
    expect(out).not.toContain('n/a');
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    const summary = JSON.parse(readFileSync(join(dir, 'summary.json'), 'utf8'));
    expect(summary).toMatchObject({ prompts: PROMPTS, completions: PROMPTS * SAMPLES, runIds: ['whole'] });
    expect(summary.bestOfN.sizes).toEqual([1, 2, 4]);
  });

  it('says n/a of rewards without a critic', async () => {
    const dir = join(folder, 'plain');
    const { code, out, err } = await runMain(...args(dir, '--model', model));
    expect(code, err).toBe(0);
    expect(out).toMatch(/learned reward +n\/a/);
    expect((await rowsOf(dir)).every(({ reward_model_score }) => reward_model_score === null)).toBe(true);
  });

  it('gives the same rows whatever is generated together', async () => {
    const dir = join(folder, 'one-batch');
    const { code, err } = await runMain(...args(dir, '--model', trained, '--critic', trained, 'eval.batch=1000'));
    expect(code, err).toBe(0);
    const [one, many] = [await rowsOf(dir), await rowsOf(join(folder, 'whole'))];
    const choices = ({ completion_ids, prompt_id, generation_idx, answer }: (typeof one)[number]): unknown => {
      return [prompt_id, generation_idx, completion_ids, answer];
    };
    expect(one.map(choices)).toEqual(many.map(choices));
    one.forEach((row, i) => {
      row.reward_model_score!.forEach((score, t) => {
        expect(score).toBeCloseTo(many[i]!.reward_model_score![t]!, 5);
      });
    });
  });

  it('goes on with --resume where the file of rows was cut, and does no prompt twice', async () => {
    const dir = join(folder, 'cut');
    const command = args(dir, '--model', trained, '--critic', trained);
    expect((await runMain(...command)).code).toBe(0);
    const path = join(dir, 'rows.jsonl');
    const whole = readFileSync(path, 'utf8');
    const lines = whole.split('\n');
    const kept = lines.slice(0, 2 * SAMPLES + 1).join('\n').length + 20;
    truncateSync(path, Buffer.byteLength(whole.slice(0, kept)));
    const { code, err } = await runMain(...command, '--resume');
    expect(code, err).toBe(0);
    expect(err).toContain(`2 of ${PROMPTS} prompts are done already`);
    expect(readFileSync(path, 'utf8')).toBe(whole);
  });

  it('refuses rows of other prompts with 4', async () => {
    const dir = join(folder, 'mixed');
    const command = args(dir, '--model', model);
    expect((await runMain(...command)).code).toBe(0);
    const path = join(dir, 'rows.jsonl');
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, [...lines.slice(SAMPLES, 2 * SAMPLES), ...lines.slice(0, SAMPLES), ''].join('\n'));
    const { code, err } = await runMain(...command, '--resume');
    expect(code, err).toBe(4);
    expect(err).toContain('rows.jsonl:1: expected sample 0 of prompt');
  });

  it('refuses a critic that was never trained with 3', async () => {
    const { code, err } = await runMain(...args(join(folder, 'none'), '--model', model, '--critic', model));
    expect(code, err).toBe(3);
    expect(err).toContain('expected a trained critic, with score.safetensors');
  });

  it('stops on Ctrl-C with 130 after whole prompts, and goes on from there', async () => {
    const bundle = await bundleSources({ main: 'src/main.ts' });
    try {
      const rows = join(folder, 'many.jsonl');
      writeSums(rows, 200);
      const dir = join(folder, 'stopped');
      const script = `import { main } from './main.mjs'; process.exitCode = await main(process.argv.slice(2));`;
      const command = [...args(dir, '--model', model), `data.path=${rows}`];
      const signals = [{ after: 'eval ', signal: 'SIGINT' }] as const;
      const stopped = await bundle.run(script, command, { signals });
      expect(stopped.code, stopped.stderr).toBe(130);
      expect(stopped.stdout).toBe('');
      const resumed = await bundle.run(script, [...command, '--resume']);
      expect(resumed.code, resumed.stderr).toBe(0);
      expect(resumed.stdout).toContain('200 prompts x 4 samples');
    } finally {
      bundle.remove();
    }
  });
});
