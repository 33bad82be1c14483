import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type EvalRow, evaluateRows, formatRow, passAt1OverSeeds, readRows } from '@dawngrad/eval';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { needsAdapter } from '../../setup/launcher.mjs';
import { writeLines, writeRun } from '../run-folders.ts';
import { runMain } from '../run-main.ts';

let folder: string;

function row(prompt: number, index: number, correct: boolean): EvalRow {
  return {
    schema: 1,
    run_id: 'run',
    prompt_id: `p${prompt}`,
    prompt: [{ role: 'user', content: 'How many?' }],
    generation: { content: `<answer>\n${correct ? '4 apples' : '5'}\n</answer>` },
    generation_idx: index,
    completion_ids: [1, 2],
    marks: null,
    forced: null,
    reward_model_score: [Number(correct) - prompt / 10, Number(correct) + index / 10],
    policy_log_probs: null,
    gold: '4',
    answer: correct ? '4 apples' : '5',
    // The recorded verdict is strict: an answer with a word is wrong.
    correctness_reward_func: correct && prompt % 2 === 0 ? 1 : 0,
  };
}

function writeRows(name: string, shift: number, order = 1): void {
  const rows = Array.from({ length: 24 }, (_, i) => row(i % 6, Math.floor(i / 6), (i * shift) % 3 > 0));
  mkdirSync(join(folder, name), { recursive: true });
  const lines = rows.map((one) => `${formatRow(one)}\n`);
  writeFileSync(join(folder, name, 'eval_results_x.jsonl'), (order < 0 ? lines.reverse() : lines).join(''));
}

function writeSpec(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const RUNS = `
statistics: { resamples: 100 }
runs:
  - path: runs/q7b_{variant}_s{seed}
    variant: [dense, sparse]
    seed: [1, 2]
    model: q7b
`;

function filesBelow(path: string): Map<string, string> {
  return new Map(
    readdirSync(path, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [file.slice(path.length), readFileSync(file, 'latin1')]),
  );
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-plot-'));
  for (const [i, name] of ['dense_s1', 'dense_s2', 'sparse_s1'].entries()) writeRows(`runs/q7b_${name}`, i + 1);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('dawngrad plot', () => {
  it('needs no adapter', () => {
    expect(needsAdapter(['plot', 'figures.yaml'])).toBe(false);
  });

  it('makes what there is with the numbers of the metrics, lists the missing run, and exits with 1', async () => {
    const spec = writeSpec(
      'whole.yaml',
      `${RUNS}make:\n  - table: main\n  - figure: best-of-n\n    each: [variant]\n    where: { seed: 1 }\n`,
    );
    const { code, out, err } = await runMain('plot', spec, '--json');
    expect(code, err).toBe(1);
    const result = JSON.parse(out) as { files: string[]; missing: string[]; failed: string[] };
    expect(result.missing).toEqual(['runs/q7b_sparse_s2 (model q7b, variant sparse, seed 2)']);
    expect(result.failed).toEqual([]);
    expect(result.files).toEqual([
      ...['tex', 'md', 'csv', 'json'].map((extension) => `tables/main.${extension}`),
      ...['sparse', 'dense'].flatMap((value) => ['svg', 'png'].map((end) => `figures/best-of-n-${value}.${end}`)),
      'numbers.json',
    ]);
    const rows = await Promise.all(
      ['1', '2'].map(async (seed) => {
        const path = join(folder, `runs/q7b_dense_s${seed}/eval_results_x.jsonl`);
        return { name: seed, rows: await readRows(readFileSync(path, 'utf8').trim().split('\n'), path) };
      }),
    );
    const table = JSON.parse(readFileSync(join(folder, 'plots/tables/main.json'), 'utf8'));
    const { value, hierarchical } = passAt1OverSeeds(rows, { resamples: 100 });
    expect(table.rows[1]).toEqual(['dense', expect.objectContaining({ value, ...hierarchical })]);
    const numbers = JSON.parse(readFileSync(join(folder, 'plots/numbers.json'), 'utf8'));
    expect(numbers.evaluations[1].summary).toEqual(
      JSON.parse(JSON.stringify(evaluateRows(rows[0]!.rows, { resamples: 100 }))),
    );
  });

  it('writes the same bytes again, with entries and rows in another order', async () => {
    const make = 'make:\n  - table: main\n  - table: reranking\n  - figure: pass-at-k\n';
    const seeds = (list: string): string => `  - path: runs/q7b_dense_s{seed}\n    seed: ${list}\n    variant: dense\n`;
    const sparse = '  - path: runs/q7b_sparse_s1\n    seed: 1\n    variant: sparse\n';
    const head = 'statistics: { resamples: 100 }\nruns:\n';
    const first = writeSpec('first.yaml', `output: out1\n${head}${seeds('[1, 2]')}${sparse}${make}`);
    const second = writeSpec('second.yaml', `output: out2\n${head}${sparse}${seeds('[2, 1]')}${make}`);
    expect((await runMain('plot', first)).code).toBe(0);
    const before = filesBelow(join(folder, 'out1'));
    expect((await runMain('plot', first)).code).toBe(0);
    expect(filesBelow(join(folder, 'out1'))).toEqual(before);
    writeRows('runs/q7b_sparse_s1', 3, -1);
    expect((await runMain('plot', second)).code).toBe(0);
    expect(filesBelow(join(folder, 'out2'))).toEqual(before);
  });

  it('takes labels out of paths, and makes nothing of a path that is no run but the rest', async () => {
    writeFileSync(join(folder, 'runs/q7b_notes.txt'), 'none of ours');
    mkdirSync(join(folder, 'runs/q7b_empty_s1'), { recursive: true });
    const spec = writeSpec('glob.yaml', `runs:\n  - path: runs/{model}_{variant}_s1\nmake:\n  - table: pass-at-k\n`);
    const { code, out, err } = await runMain('plot', spec, '--out', join(folder, 'glob'));
    expect(code).toBe(1);
    expect(err).toContain('FAILED');
    expect(err).toContain('a folder without any');
    expect(out).toContain('0 runs missing, 1 failed');
    const table = JSON.parse(readFileSync(join(folder, 'glob/tables/pass-at-k.json'), 'utf8'));
    expect(table.rows.map((cells: unknown[]) => cells[0])).toEqual(['sparse', 'dense']);
    rmSync(join(folder, 'runs/q7b_empty_s1'), { recursive: true });
  });

  it('draws training curves and localisations from their folders', async () => {
    for (const seed of [1, 2]) {
      writeRun(join(folder, `train/s${seed}`), { metrics: [1, 2, 3].map((step) => ({ step, reward: step * seed })) });
    }
    const detail = {
      ...{ prompt_idx: 0, severity: 5, variant_idx: 0, prompt: 'How many?', clean_text: 'a b', pert_text: 'a c' },
      ...{ changed_token_positions: [1], clean_score_seq: [1, 2], pert_score_seq: [1, null] },
    };
    mkdirSync(join(folder, 'loc'), { recursive: true });
    writeLines(join(folder, 'loc/pair_details.jsonl'), [detail]);
    const hit = { value: 0.5, low: 0.4, high: 0.6, n: 7, method: 'bootstrap' };
    const headline = {
      ...{ severity: 1, threshold: null },
      rows: [
        { localiser: 'chance', unit: 'token', interval: 1, n: 7, windows: [{ window: 1, hit, above_chance: hit }] },
      ],
    };
    const intervals = { bootstrap: { resamples: 10, seed: 1, clusters: 'prompts' } };
    writeFileSync(
      join(folder, 'loc/summary.json'),
      JSON.stringify({ schema: 1, kind: 'controlled', headline, intervals }),
    );
    const spec = writeSpec(
      'others.yaml',
      'output: others\nruns:\n  - path: train/s{seed}\n  - path: loc\n    model: q7b\nmake:\n' +
        '  - figure: training-curves\n  - figure: trace-comparison\n  - table: localisation\n',
    );
    const { code, err } = await runMain('plot', spec);
    expect(code, err).toBe(0);
    const table = JSON.parse(readFileSync(join(folder, 'others/tables/localisation.json'), 'utf8'));
    expect(table.rows[0].slice(1, 4)).toEqual(['chance', 'token', { value: 7, unit: 'count' }]);
    expect(table.rows[0][4]).toMatchObject({ value: 0.5 });
    expect(readFileSync(join(folder, 'others/figures/training-curves.svg'), 'utf8')).toContain('reward');
  });

  it('format_adjusted judges by the last number, and says so', async () => {
    const runs = 'runs:\n  - path: runs/q7b_dense_s1\n    model: q7b\nmake:\n  - table: main\n';
    const plain = writeSpec('plain.yaml', `output: plain\n${runs}`);
    const adjusted = writeSpec('adjusted.yaml', `output: adjusted\nstatistics: { format_adjusted: true }\n${runs}`);
    for (const spec of [plain, adjusted]) expect((await runMain('plot', spec)).code).toBe(0);
    const [before, after] = ['plain', 'adjusted'].map((name) =>
      JSON.parse(readFileSync(join(folder, name, 'tables/main.json'), 'utf8')),
    );
    expect(before.rows[0][1].value).toBeCloseTo(8 / 24, 12);
    expect(after.rows[0][1].value).toBeCloseTo(16 / 24, 12);
    expect(after.notes.at(-1)).toContain('Format-adjusted');
  });

  it('tells every mistake of a specification with its line and the nearest name, and writes nothing', async () => {
    const spec = writeSpec(
      'wrong.yaml',
      `output: wrong
runs:
  - path: runs/x
    modle: q7b
make:
  - table: mian
  - table: main
    figure: pass-at-k
  - figure: pass-at-k
    n: 3
    formats: [latex]
`,
    );
    const first = await runMain('plot', spec);
    expect(first.code).toBe(3);
    expect(first.err).toContain(`${spec}:4: runs.0.modle: unknown key. Did you mean model?`);
    expect(first.err).toMatch(/:6: make\.0\.table: expected one of .*\. Did you mean main\?/);
    writeSpec('wrong.yaml', readFileSync(spec, 'utf8').replace('modle', 'model').replace('mian', 'aime'));
    const second = await runMain('plot', spec);
    expect(second.code).toBe(3);
    expect(second.err).toContain(':7: make.1: expected either table or figure.');
    expect(second.err).toContain(':10: make.2.n: pass-at-k has no such option, only reranking and selector-variants.');
    expect(second.err).toContain('a figure is written as svg, png, not as latex.');
    expect(existsSync(join(folder, 'wrong'))).toBe(false);
  });

  it('refuses two items of one name, an unknown --only, and no specification at all', async () => {
    const runs = 'runs:\n  - path: runs/q7b_dense_s1\n';
    const twice = writeSpec('twice.yaml', `${runs}make:\n  - table: main\n  - table: main\n`);
    expect(await runMain('plot', twice)).toMatchObject({ code: 3, err: expect.stringContaining('tables/main twice') });
    const once = writeSpec('once.yaml', `${runs}make:\n  - table: main\n`);
    expect(await runMain('plot', once, '--only', 'mian')).toMatchObject({
      code: 2,
      err: expect.stringContaining('did you mean main?'),
    });
    expect((await runMain('plot')).code).toBe(2);
    expect((await runMain('plot', join(folder, 'none.yaml'))).code).toBe(3);
  });

  it('prints its schema and its kinds', async () => {
    const schema = JSON.parse((await runMain('plot', '--schema')).out);
    expect(Object.keys(schema.properties)).toEqual(['title', 'output', 'order', 'statistics', 'runs', 'make']);
    const { out } = await runMain('plot', '--list');
    for (const kind of ['table: main', 'table: localisation', 'figure: token-rewards']) expect(out).toContain(kind);
  });
});
