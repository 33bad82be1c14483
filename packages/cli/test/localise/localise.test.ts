import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';
import { writeSums, writeTinyModel } from '../tiny-model.ts';

const PROMPTS = 5;

let folder: string;
let model: string;
let data: string;
let trained: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-localise-'));
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

function args(dir: string, ...more: string[]): string[] {
  const sources = ['--critic', trained, '--model', model, '--data', data, '--data-format', 'jsonl'];
  return ['localise', ...sources, '--output-dir', join(folder, dir), '--resamples', '100', ...more];
}

const read = (dir: string, file: string): string => readFileSync(join(folder, dir, file), 'utf8');
const lines = (dir: string, file: string): unknown[] =>
  read(dir, file)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => line.length));
}

describe('localise', () => {
  it('edits expert traces, scores pairs and writes the published files', async () => {
    const { code, out, err } = await runMain(...args('controlled', '--perturb-fns', 'corrupt_numbers'));
    expect(code, err).toBe(0);
    const pairs = lines('controlled', 'pair_details.jsonl') as Record<string, never>[];
    expect(pairs).toHaveLength(3 * PROMPTS);
    for (const pair of pairs) {
      const { clean_text: clean, pert_text: edited, severity, perturb_fns: edits } = pair as Record<string, string>;
      expect(edits).toHaveLength(Number(severity));
      // The think block alone is edited.
      const answer = /<answer>[\s\S]*/;
      expect(edited!.match(answer)![0]).toBe(clean!.match(answer)![0]);
      expect(edited).not.toBe(clean);
      expect(pair.changed_token_positions).not.toHaveLength(0);
      expect(pair.pert_policy_log_probs).toHaveLength((pair.pert_score_seq as unknown as number[]).length);
      expect(pair.answer_unchanged).toBe(true);
    }
    const summary = JSON.parse(read('controlled', 'summary.json'));
    expect(summary.overall).toMatchObject({ n_pairs: 3 * PROMPTS, same_answer_rate: 1, clean_correct_rate: 1 });
    expect(summary.localization).toMatchObject({ mode: 'token', local_window_tokens: 10 });
    // Every grid shows chance and the log-probability (D27), of as many traces as were judged.
    for (const interval of [1, 15]) {
      const rows = summary.headline.rows.filter((row: { interval: number }) => row.interval === interval);
      expect(rows.map((row: { localiser: string }) => row.localiser)).toEqual([
        'chance',
        'always first',
        'critic, largest drop',
        'log-probability drop',
        'entropy rise',
        'critic, clean - edited',
      ]);
      expect(new Set(rows.map((row: { n: number }) => row.n))).toEqual(new Set([PROMPTS]));
    }
    expect(JSON.parse(read('controlled', 'run_config.json'))).toMatchObject({
      granularity: 'dense',
      labels: 'controlled',
    });
    expect(out).toContain('log-probability drop');
    expect(widest(out)).toBeLessThanOrEqual(120);
  });

  it('goes on where it was stopped, and refuses another configuration', async () => {
    const whole = read('controlled', 'summary.json');
    const scores = read('controlled', 'scores.jsonl');
    const cut = scores.split('\n').slice(0, 3).join('\n').length + 40;
    writeFileSync(join(folder, 'controlled', 'scores.jsonl'), scores.slice(0, cut));
    const { code, err } = await runMain(...args('controlled', '--perturb-fns', 'corrupt_numbers'));
    expect(code, err).toBe(0);
    expect(err).toContain(`3 of ${4 * PROMPTS} traces are scored already`);
    const values = (text: string): number[] => (text.match(/-?\d+\.\d+(?:e-?\d+)?/g) ?? []).map(Number);
    const [before, after] = [values(whole), values(read('controlled', 'summary.json'))];
    expect(after).toHaveLength(before.length);
    // Traces that go through the model together are rounded together.
    for (const [i, value] of after.entries()) expect(value).toBeCloseTo(before[i]!, 3);

    const other = await runMain(...args('controlled', '--perturb-fns', 'corrupt_numbers', '--seed', '7'));
    expect(other.code).toBe(3);
    expect(other.err).toContain('seed 42');
    expect(other.err).toContain('--output-dir');
  });

  it('finds steps of ProcessBench, with F1 and thresholds of other traces', async () => {
    const process = Array.from({ length: 12 }, (_, i) => ({
      id: `row-${i}`,
      problem: `sum ${i} + 1 =`,
      steps: [`${i} + 1 = ${i + 1}`, `${i + 1} = ${i + 2}`],
      label: (i % 3) - 1,
      final_answer_correct: i % 3 === 0,
    }));
    const path = join(folder, 'process.json');
    writeFileSync(path, JSON.stringify(process));
    const labelled = ['--labels', 'processbench', '--data', path, '--dev-fraction', '0.4'];
    const { code, out, err } = await runMain(...args('process', ...labelled));
    expect(code, err).toBe(0);
    const summary = JSON.parse(read('process', 'summary.json'));
    const { n_traces, n_erroneous, n_correct } = summary;
    expect(n_erroneous + n_correct).toBe(n_traces);
    expect(n_traces + summary.process.n_dev).toBe(12);
    expect(summary.process.n_dev).toBeGreaterThan(0);
    expect(summary.rows[0].hit.exact.value.value).toBeCloseTo(1 / 2, 12);
    expect(out).toContain('F1');
    expect(widest(out)).toBeLessThanOrEqual(120);
  });

  it.each([
    ['a critic whose marks nobody tells', (): string[] => ['--critic', model], 2, '--granularity'],
    ['an unknown aggregate', (): string[] => ['--aggregate', 'median'], 2, 'one of mean'],
    ['sampled traces without a file', (): string[] => ['--trace-source', 'pregenerated'], 2, '--pregenerated'],
    ['edits that find no rows', (): string[] => ['--start-index', '99'], 3, 'no rows from --start-index on'],
    ['annotations without labels', (): string[] => ['--labels', 'annotations'], 2, '--annotations'],
  ])('refuses %s', async (name, more, code, message) => {
    const result = await runMain(...args(`refused ${name}`, ...more()));
    expect(result.code, result.err).toBe(code);
    expect(result.err).toContain(message);
    expect(existsSync(join(folder, `refused ${name}`, 'summary.json'))).toBe(false);
  });
});
