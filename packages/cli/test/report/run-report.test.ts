import { appendFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvalRow } from '@dawngrad/eval';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { completionsOfRows, completionsOfSamples, withinLimit } from '../../src/report/read-completions.ts';
import { writeLines, writeRun } from '../run-folders.ts';
import { runMain } from '../run-main.ts';

const CONFIG = {
  run: { dir: 'irl', seed: 1 },
  warmup: { steps: 2 },
  critic: { lr: 0.001 },
  optim: {},
  sampling: {},
  reward: { granularity: 'dense', outcome_weight: 0 },
  relabel: { mode: 'off' },
  train: { max_steps: 3, save_best: true },
  data: { dev_fraction: 0 },
  policy: { model: 'no-such-model' },
};

function row(prompt: number, index: number, correct: boolean): object {
  return {
    schema: 1,
    run_id: 'test',
    prompt_id: `p${prompt}`,
    prompt: [{ role: 'user', content: `What is ${prompt} + 1?` }],
    generation: { content: `<b>${index}</b>` },
    generation_idx: index,
    completion_ids: [1, 2],
    marks: [1],
    forced: null,
    reward_model_score: [0, correct ? 1 : -1],
    policy_log_probs: [-1, -2],
    gold: '1',
    answer: correct ? '1' : '2',
    correctness_reward_func: correct ? 2 : 0,
  };
}

const rows = Array.from({ length: 12 }, (_, i) => row(Math.floor(i / 2), i % 2, i % 3 === 0));
const metrics = [1, 2, 3].map((step) => ({ step, reward: step / 10, 'disc/acc': 0.7 }));

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-report-'));
  writeRun(join(folder, 'irl'), { config: CONFIG, metrics });
  writeRun(join(folder, 'irl2'), { config: { ...CONFIG, run: { dir: 'irl2', seed: 2 } }, metrics });
  writeRun(join(folder, 'test'), { config: { run: { seed: 1 }, eval: {}, data: { path: 'test.jsonl' } } });
  writeLines(join(folder, 'test', 'eval_results_gsm8k.jsonl'), rows);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const path = (name: string): string => join(folder, name);
const page = (name: string): string => readFileSync(path(name), 'utf8');

describe('the completions of a report', () => {
  it('take the flags of logged samples and the positions of rows for what the environment wrote', () => {
    const sample = {
      step: 3,
      prompt: 'q',
      completion: 'a b',
      completion_ids: [1, 2],
      forced: [0, 1],
      reward: 1,
      correct: true,
    };
    const logged = completionsOfSamples('s', [sample], { why: 'none is at hand' });
    expect(logged.completions[0]).toMatchObject({ forced: [1], place: 3, pieces: null, text: 'a b', correct: true });
    expect(logged.withoutTokens).toBe('none is at hand');
    const evaluated = completionsOfRows(
      'r',
      [{ ...(rows[0] as EvalRow), forced: [0] }],
      { why: 'none' },
      () => Number.NaN,
    );
    expect(evaluated.completions[0]).toMatchObject({ forced: [0], score: null, rewards: [0, 1] });
  });

  it('beyond the limit are left out by whole prompts, spread over the file', () => {
    const many = completionsOfRows('r', rows as unknown as EvalRow[], { why: 'none' }, () => 0);
    const few = withinLimit(many, 6);
    expect(few.leftOut).toBe(6);
    expect(few.completions.map(({ prompt, place }) => `${prompt} ${place}`)).toEqual(
      [0, 2, 4].flatMap((prompt) => [0, 1].map((place) => `What is ${prompt} + 1? ${place}`)),
    );
  });
});

describe('dawngrad report', () => {
  it('writes a page of two runs and an evaluation, and says where a checker took part', async () => {
    const { code, out, err } = await runMain(
      'report',
      path('irl'),
      path('irl2'),
      path('test'),
      '--out',
      path('all.html'),
    );
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/all\.html {2}0\.\d MB\n$/);
    const text = page('all.html');
    expect(text).toContain('<h1>dawngrad: irl, irl2, test</h1>');
    expect(text).toContain('none: no answer checker took part');
    expect(text).toContain('it gives the verdicts of the evaluation, and nothing else');
    expect(text).toContain('<td class="left">run.seed</td><td class="right">1</td><td class="right">2</td>');
    expect(text).toContain('<th scope="row">test</th>');
    expect(text).toContain('n/a: no folder of a localisation was given');
    expect(text).toContain('Scaled probabilities are n/a');
  });

  it('gives the same bytes again, and only reads the runs', async () => {
    await runMain('report', path('irl'), path('irl2'), path('test'), '--out', path('again.html'));
    expect(page('again.html')).toBe(page('all.html'));
    expect(
      readFileSync(join(folder, 'irl', 'metrics.jsonl'), 'utf8')
        .trim()
        .split('\n'),
    ).toHaveLength(3);
  });

  it('says that a part is missing, and why', async () => {
    await runMain('report', path('irl'));
    const text = readFileSync(join(folder, 'irl', 'report.html'), 'utf8');
    expect(text).toContain('n/a: no folder given holds evaluated rows');
    expect(text).toContain('n/a: the report is of one run; give two');
    expect(text).toContain('n/a: no folder given holds samples.jsonl or evaluated rows');
  });

  it('leaves out lines that were cut short, and says so', async () => {
    writeRun(path('cut'), { config: CONFIG, metrics });
    appendFileSync(join(path('cut'), 'metrics.jsonl'), '{"step":4,"rew');
    writeLines(path('cut-rows.jsonl'), rows);
    appendFileSync(path('cut-rows.jsonl'), '{"schema":1,"run_');
    const { code } = await runMain('report', path('cut'), path('cut-rows.jsonl'), '--out', path('cut.html'));
    expect(code).toBe(0);
    expect(page('cut.html')).toContain('the last line of metrics.jsonl is not whole and is left out');
    expect(page('cut.html')).toContain('1 line that cannot be read is left out (line 13)');
  });

  it('says that policies on other prompts do not compare', async () => {
    writeLines(
      path('others.jsonl'),
      rows.map((one) => ({ ...one, prompt_id: `other ${(one as { prompt_id: string }).prompt_id}` })),
    );
    await runMain('report', path('cut-rows.jsonl'), path('others.jsonl'), '--out', path('two.html'));
    expect(page('two.html')).toContain('is n/a where the prompts are not the same');
  });

  it('says that runs learned from different data', async () => {
    for (const name of ['math', 'medicine']) {
      writeRun(path(name), { config: { ...CONFIG, data: { path: `${name}.jsonl`, dev_fraction: 0 } }, metrics });
    }
    await runMain('report', path('math'), path('medicine'), '--out', path('tasks.html'));
    expect(page('tasks.html')).toContain('learned from different data (math.jsonl, medicine.jsonl)');
    expect(page('all.html')).not.toContain('different data');
  });

  it('counts the completions that are beyond its limit', async () => {
    await runMain('report', path('test'), '--completions', '4', '--out', path('few.html'));
    expect(page('few.html')).toContain('test: 8 further completions are not in this page');
  });

  it('shows the tables of a localisation', async () => {
    mkdirSync(path('spots'));
    writeFileSync(join(path('spots'), 'run_config.json'), '{}');
    const hit = { value: { value: 0.75, low: 0.5, high: 0.9, n: 8, method: 'bootstrap' }, above_chance: null };
    const judged = {
      localiser: 'critic, largest drop',
      n: 8,
      hit: { exact: hit, 'within 1': hit },
      hit_at_k: null,
      map: null,
    };
    writeFileSync(
      join(path('spots'), 'summary.json'),
      JSON.stringify({
        schema: 1,
        kind: 'steps',
        n_traces: 9,
        n_erroneous: 8,
        n_correct: 1,
        strata: {},
        rows: [judged],
        process: { n_dev: 2, rows: [] },
      }),
    );
    await runMain('report', path('spots'), '--out', path('spots.html'));
    expect(page('spots.html')).toContain('Where the first error is: spots');
    expect(page('spots.html')).toContain('75.0 [50.0, 90.0]');
  });

  it.each([
    ['a folder that is no run', () => [folder], 3, /a folder without config\.lock\.json/],
    ['a path that is not there', () => [path('nothing')], 3, /no such path/],
    ['a file that is no rows', () => [path('all.html')], 3, /another file/],
    ['a folder as the page', () => [path('irl'), '--out', folder], 3, /--out: expected the name of a file/],
    ['a limit that is no number', () => [path('irl'), '--completions', 'x'], 2, /integer of at least 0/],
  ])('refuses %s', async (_, args, code, message) => {
    const result = await runMain('report', ...args());
    expect(result.err).toMatch(message);
    expect(result.code).toBe(code);
  });
});
