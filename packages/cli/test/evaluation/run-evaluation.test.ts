import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EvalRow, formatReferenceRow, readRows } from '@dawngrad/eval';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundleSources } from '../bundle-sources.ts';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

const ROWS = 'eval_results_jsonl.jsonl';
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
  const path = join(dir, ROWS);
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
      const length = row.completion_ids!.length;
      expect(row.reward_model_score).toHaveLength(length);
      expect(row.policy_log_probs).toHaveLength(length);
      expect(row.marks).toHaveLength(length);
      expect(Math.max(...row.policy_log_probs!)).toBeLessThanOrEqual(0);
    }
    expect(new Set(rows.map(({ reward_model_score }) => reward_model_score![0])).size).toBeGreaterThan(1);
    for (const text of ['pass@k %', 'majority vote', 'shortest', 'log-probability', 'learned reward', 'best of 4 %']) {
      expect(out).toContain(text);
    }
    expect(out).not.toMatch(/^(learned reward|log-probability|reward-weighted vote) +n\/a/m);
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
    const file = JSON.parse(readFileSync(join(dir, 'evaluation.json'), 'utf8'));
    expect(file).toMatchObject({ schema: 2, settings: { mode: 'generate', seed: 42 } });
    expect(file.cells).toMatchObject([{ rows: ROWS, temperature: 1 }]);
    const { summary } = file.cells[0];
    expect(summary).toMatchObject({ prompts: PROMPTS, completions: PROMPTS * SAMPLES, runIds: ['whole'] });
    expect(summary.bestOfN.sizes).toEqual([1, 2, 3, 4]);
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
    const path = join(dir, ROWS);
    const whole = readFileSync(path, 'utf8');
    const lines = whole.split('\n');
    const kept = lines.slice(0, 2 * SAMPLES + 1).join('\n').length + 20;
    truncateSync(path, Buffer.byteLength(whole.slice(0, kept)));
    const { code, err } = await runMain(...command, '--resume');
    expect(code, err).toBe(0);
    expect(err).toContain(`2 of ${PROMPTS} prompts are done already`);
    expect(readFileSync(path, 'utf8')).toBe(whole);
  });

  it('samples a grid of temperatures into a file each, and goes on in the second one', async () => {
    const dir = join(folder, 'grid');
    const grid = ['eval.temperatures=[0.5,1]', 'sampling.top_p=0.9', 'data.max_rows=4', 'eval.resamples=100'];
    const command = args(dir, '--model', model, ...grid);
    const { code, out, err } = await runMain(...command);
    expect(code, err).toBe(0);
    const file = JSON.parse(readFileSync(join(dir, 'evaluation.json'), 'utf8'));
    const names = ['eval_results_jsonl_t0p5.jsonl', 'eval_results_jsonl_t1.jsonl'];
    expect(file.cells.map((cell: { rows: string }) => cell.rows)).toEqual(names);
    expect(file.comparison).toHaveLength(2);
    expect(out).toContain('temperature 0.5: 4 prompts x 4 samples');
    const wholes = names.map((name) => readFileSync(join(dir, name), 'utf8'));
    expect(wholes[0]).not.toBe(wholes[1]);
    // Inside the second batch of two prompts: its first prompt is whole, and is done again with the other one.
    const lines = wholes[1]!.split('\n');
    writeFileSync(
      join(dir, names[1]!),
      `${lines.slice(0, 3 * SAMPLES).join('\n')}\n${lines[3 * SAMPLES]!.slice(0, 9)}`,
    );
    const resumed = await runMain(...command, '--resume');
    expect(resumed.code, resumed.err).toBe(0);
    expect(resumed.err).toContain('4 of 4 prompts are done already');
    expect(resumed.err).toContain('2 of 4 prompts are done already');
    expect(names.map((name) => readFileSync(join(dir, name), 'utf8'))).toEqual(wholes);
    expect(JSON.parse(readFileSync(join(dir, 'evaluation.json'), 'utf8'))).toEqual(file);
  });

  it('scores given rows as it scored its own samples, joined by id, without data', async () => {
    const own = join(folder, 'whole', ROWS);
    const lines = readFileSync(own, 'utf8').split('\n').filter(Boolean);
    const stripped = lines.map((line) => {
      const row = JSON.parse(line);
      return JSON.stringify({ ...row, marks: null, reward_model_score: null, policy_log_probs: null });
    });
    const input = join(folder, 'given.jsonl');
    writeFileSync(input, `${[...stripped].reverse().join('\n')}\n`);
    const dir = join(folder, 'given');
    const { code, out, err } = await runMain(
      ...['evaluate', '--model', trained, '--critic', trained, `run.dir=${dir}`, 'eval.mode=pregenerated_sft'],
      ...[`eval.input=${input}`, 'reward.granularity=dense', 'data.max_completion_tokens=16', '--json'],
    );
    expect(code, err).toBe(0);
    expect(JSON.parse(out).settings).toMatchObject({ mode: 'pregenerated_policy_and_reward', data: null });
    const path = join(dir, 'eval_results_logprobs_sft.jsonl');
    const found = await readRows(readFileSync(path, 'utf8').split('\n'), path);
    const wanted = new Map((await readRows(lines, own)).map((row) => [`${row.prompt_id} ${row.generation_idx}`, row]));
    expect(found).toHaveLength(wanted.size);
    for (const row of found) {
      const same = wanted.get(`${row.prompt_id} ${row.generation_idx}`)!;
      expect(row.completion_ids).toEqual(same.completion_ids);
      expect(row.correctness_reward_func).toBe(same.correctness_reward_func);
      row.policy_log_probs!.forEach((logp, t) => {
        expect(logp).toBeCloseTo(same.policy_log_probs![t]!, 4);
      });
      row.reward_model_score!.forEach((score, t) => {
        expect(score).toBeCloseTo(same.reward_model_score![t]!, 4);
      });
    }
  });

  it("scores the reference's rows of the same questions, and keeps their verdicts", async () => {
    const own = join(folder, 'whole', ROWS);
    const rows = await readRows(readFileSync(own, 'utf8').split('\n'), own);
    const input = join(folder, 'eval_results_new.jsonl');
    // The first verdict is not what the checker says.
    const published = rows.map((row, i) => formatReferenceRow(i === 0 ? { ...row, correctness_reward_func: 2 } : row));
    writeFileSync(input, `${published.join('\n')}\n`);
    const dir = join(folder, 'reference');
    const { code, out, err } = await runMain(
      ...args(dir, '--model', model, 'eval.mode=pregenerated', `eval.input_dir=${folder}`),
    );
    expect(code, err).toBe(0);
    expect(out).toContain('1 recorded verdicts are not what the checker says');
    expect(out).toContain('1 of 24 right');
    const path = join(dir, 'eval_results_logprobs.jsonl');
    const found = await readRows(readFileSync(path, 'utf8').split('\n'), path);
    expect(found.map(({ prompt_id, generation_idx }) => [prompt_id, generation_idx])).toEqual(
      rows.map(({ prompt_id, generation_idx }) => [prompt_id, generation_idx]),
    );
    for (const row of found) {
      expect(row.gold).not.toBeNull();
      expect(row.policy_log_probs).toHaveLength(row.completion_ids!.length);
    }
    const fewer = await runMain(
      ...args(join(folder, 'fewer'), '--model', model, 'eval.mode=pregenerated', `eval.input_dir=${folder}`),
      'data.max_rows=5',
    );
    expect(fewer.code).toBe(3);
    expect(fewer.err).toContain('expected rows of the 5 prompts of the data, got 0 without rows, and 1 (');
    expect(existsSync(join(folder, 'fewer'))).toBe(false);
  });

  it('refuses rows of other prompts with 4', async () => {
    const dir = join(folder, 'mixed');
    const command = args(dir, '--model', model);
    expect((await runMain(...command)).code).toBe(0);
    const path = join(dir, ROWS);
    const lines = readFileSync(path, 'utf8').split('\n');
    writeFileSync(path, [...lines.slice(SAMPLES, 2 * SAMPLES), ...lines.slice(0, SAMPLES), ''].join('\n'));
    const { code, err } = await runMain(...command, '--resume');
    expect(code, err).toBe(4);
    expect(err).toContain(`${ROWS}:1: expected sample 0 of prompt`);
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
