import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EvalRow, formatReferenceRow, formatRow, ROW_SCHEMA } from '@dawngrad/eval';
import { afterAll, describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';

const folder = mkdtempSync(join(tmpdir(), 'dawngrad-analyse-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SAMPLES = 8;

/** 12 prompts; sample i of prompt p is right where a fixed pattern says so, the reward follows it loosely. */
function rows(shift: number, more: Partial<EvalRow> = {}): EvalRow[] {
  return Array.from({ length: 12 * SAMPLES }, (_, place): EvalRow => {
    const [p, i] = [Math.floor(place / SAMPLES), place % SAMPLES];
    const isRight = (3 * i + p + shift) % 7 < 2 + (p % 3);
    const score = (isRight ? 1 : 0) + ((5 * i + p) % 4) / 2;
    const answer = isRight ? '4' : `${5 + (i % 3)}`;
    return {
      schema: ROW_SCHEMA,
      run_id: `run-${shift}`,
      prompt_id: `p${p}`,
      prompt: [{ role: 'user', content: `Question ${p}?` }],
      generation: { content: `<think>\n${'so '.repeat(i + 1)}\n</think>\n<answer>\n${answer}\n</answer>` },
      generation_idx: i,
      completion_ids: [5, 6, 7],
      marks: [2],
      forced: null,
      reward_model_score: [score, score, score],
      policy_log_probs: [-0.1 * i, -0.2, -0.3],
      gold: '4',
      answer,
      checker: 'numeric',
      category: p % 2 === 0 ? 'even' : 'odd',
      correctness_reward_func: isRight ? 2 : 0,
      ...more,
    };
  });
}

let files = 0;
function write(content: readonly EvalRow[], format: (row: EvalRow) => string = formatRow): string {
  const path = join(folder, `rows-${files++}.jsonl`);
  writeFileSync(path, content.map((row) => `${format(row)}\n`).join(''));
  return path;
}

describe('analyse', () => {
  it('prints tables that fit, and says n, clusters and which N', async () => {
    const { code, out, err } = await runMain('analyse', write(rows(0)));
    expect(code, err).toBe(0);
    for (const text of [
      '12 prompts x 8 samples',
      'best of 8 %',
      'discounted-mean',
      'ECE %',
      'even',
      'over 12 prompts',
    ]) {
      expect(out).toContain(text);
    }
    expect(out).toContain('mean over all subsets of N samples');
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  it('prints nothing that steers the terminal', async () => {
    const evil = rows(0).map((row) => (row.category === 'odd' ? { ...row, category: 'a\u001b[2J\nb' } : row));
    const { code, out } = await runMain('analyse', write(evil));
    expect(code).toBe(0);
    expect(out).not.toContain('\u001b');
    expect(out).toMatch(/^a\[2J b +6 /m);
  });

  it('gives the same numbers for rows in any order', async () => {
    const [one, other] = await Promise.all(
      [rows(0), rows(0).reverse()].map((some) => runMain('analyse', write(some), '--json')),
    );
    const summary = (printed: string): unknown => JSON.parse(printed).cells[0].summary;
    expect(summary(other!.out)).toEqual(summary(one!.out));
    expect(JSON.parse(one!.out)).toMatchObject({ schema: 2, settings: { checker: 'numeric' } });
  });

  it('writes the reference format and reads it back to the same verdicts and scores', async () => {
    const target = join(folder, 'published.jsonl');
    expect((await runMain('analyse', write(rows(0)), '--write-reference', target)).code).toBe(0);
    expect(Object.keys(JSON.parse(readFileSync(target, 'utf8').split('\n')[0]!))).toEqual([
      'prompt',
      'generation',
      'generation_idx',
      'reward_model_score',
      'policy_log_probs',
      'xmlcount_reward_func',
      'correctness_reward_func',
    ]);
    const [ours, theirs] = await Promise.all(
      [write(rows(0)), target].map(async (file) => JSON.parse((await runMain('analyse', file, '--json')).out).cells[0]),
    );
    for (const key of ['passAtK', 'bestOfN', 'selectors', 'calibration']) {
      // The order of prompts differs, and with it what the bootstrap draws: values are equal, bounds are close.
      expect(values(theirs.summary[key])).toEqual(values(ours.summary[key]));
    }
    expect((await runMain('analyse', target, '--write-reference', target)).code).toBe(3);
  });

  it('takes log-probabilities from a file beside the rows, joined by sample', async () => {
    const bare = rows(0, { policy_log_probs: null });
    const alone = await runMain('analyse', write(bare, formatReferenceRow));
    expect(alone.out).toMatch(/log-probability +n\/a/);
    const sidecar = write([...rows(0, { reward_model_score: null })].reverse(), formatReferenceRow);
    const joined = await runMain('analyse', write(bare, formatReferenceRow), '--join', sidecar);
    expect(joined.code, joined.err).toBe(0);
    expect(joined.out).not.toMatch(/log-probability +n\/a/);
    const other = write(rows(0).slice(SAMPLES), formatReferenceRow);
    const refused = await runMain('analyse', write(bare, formatReferenceRow), '--join', other);
    expect(refused.code).toBe(3);
    expect(refused.err).toContain('expected a partner for each row');
  });

  it('compares runs and sums up seeds', async () => {
    const paths = [0, 1, 2].map((shift) => write(rows(shift)));
    const { code, out, err } = await runMain('analyse', ...paths, '--seeds', '--ks', '1', '--best-of', '8');
    expect(code, err).toBe(0);
    expect(out).toContain('sign-flip p');
    expect(out).toContain('pass@1 over 3 seeds');
    expect(out).toContain("Student's t over the seeds");
    const other = write(rows(0).slice(SAMPLES));
    const refused = await runMain('analyse', paths[0]!, other, '--seeds');
    expect(refused.code).toBe(3);
    expect(refused.err).toContain('1 (p0) missing');
    const apart = await runMain('analyse', paths[0]!, other, '--ks', '1', '--best-of', '8');
    expect(apart.code).toBe(0);
    expect(apart.out).toContain('not compared with each other');
  });

  it('refuses a cut file with its line, and tolerates it on request', async () => {
    const path = write(rows(0));
    writeFileSync(path, readFileSync(path, 'utf8').slice(0, -50));
    const { code, err } = await runMain('analyse', path);
    expect(code).toBe(4);
    expect(err).toContain(`:${12 * SAMPLES}`);
    const tolerant = await runMain('analyse', path, '--tolerate');
    expect(tolerant.code, tolerant.err).toBe(0);
    expect(tolerant.out).toContain('11 prompts x 8 samples');
    expect(tolerant.out).toContain('1 line left out');
    expect(tolerant.out).toContain('1 prompts without all of their rows left out (p11)');
  });

  it.each<[string, string[], number, string]>([
    ['a k above the samples', ['--ks', '1,9'], 3, 'at most 8'],
    ['an N above the samples', ['--best-of', '16'], 3, 'at most 8'],
    ['an unknown selector', ['--selector', 'discounted'], 2, 'did you mean discounted-mean?'],
    ['an unknown rule', ['--rule', 'all'], 2, 'subsets, first'],
    ['calibration on the same prompts', ['--calibration', 'ITSELF'], 3, 'on both sides'],
  ])('refuses %s', async (_, options, exit, message) => {
    const path = write(rows(0));
    const output = join(folder, 'numbers.json');
    const given = options.map((option) => (option === 'ITSELF' ? path : option));
    const { code, err } = await runMain('analyse', path, ...given, '--output', output);
    expect(code).toBe(exit);
    expect(err).toContain(message);
    expect(existsSync(output)).toBe(false);
  });

  it('names a file that is not there', async () => {
    const { code, err } = await runMain('analyse', join(folder, 'no.jsonl'));
    expect(code).toBe(3);
    expect(err).toContain('no.jsonl');
  });
});

/** Every "value" below. */
function values(part: unknown): string[] {
  if (typeof part !== 'object' || part === null) return [];
  return Object.entries(part).flatMap(([key, inner]) =>
    key === 'value' ? [(inner as number).toFixed(9)] : values(inner),
  );
}
