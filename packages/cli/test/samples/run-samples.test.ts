import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { samplesText } from '../../src/samples/samples-text.ts';
import { shownSample } from '../../src/samples/shown-sample.ts';
import { writeLines, writeRun } from '../run-folders.ts';
import { runMain } from '../run-main.ts';

const sample = (step: number, id: string, reward: number, correct: boolean): object => ({
  step,
  id,
  prompt: 'sum 1 + 2 =',
  completion: `text of ${id}`,
  completion_ids: [1, 2],
  answer: correct ? '3' : null,
  gold: '3',
  correct,
  reward,
  token_rewards: [reward, reward],
});

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-samples-'));
  writeRun(join(folder, 'run'), {
    config: { run: {}, policy: { model: 'none' } },
    samples: [
      sample(1, 'old', 9, true),
      sample(2, 'low', -1, false),
      sample(2, 'high', 2, false),
      sample(2, 'right', 1, true),
    ],
  });
});
afterAll(() => rmSync(folder, { recursive: true }));

const names = (out: string): string[] => [...out.matchAll(/^--- (\w+)/gm)].map(([, name]) => name!);

describe('samples', () => {
  test('of the last step, in the order asked for, filtered by verdict', async () => {
    const run = join(folder, 'run');
    expect(names((await runMain('samples', run)).out)).toEqual(['low', 'high', 'right']);
    expect(names((await runMain('samples', run, '--sort', 'reward')).out)).toEqual(['high', 'right', 'low']);
    expect(names((await runMain('samples', run, '--sort=-reward', '--wrong')).out)).toEqual(['low', 'high']);
    expect(names((await runMain('samples', run, '--correct')).out)).toEqual(['right']);
    expect(names((await runMain('samples', run, '--step', '1')).out)).toEqual(['old']);
    const limited = (await runMain('samples', run, '-n', '1')).out;
    expect(names(limited)).toEqual(['low']);
    expect(limited).toContain('1 of 3 shown');
    expect(limited).toContain(
      '--- low | step 2 | wrong | answer none | gold 3 | reward -1.000\nsum 1 + 2 =\n>>> text of low',
    );
  });

  test('as JSON lines, each as it was', async () => {
    const { out } = await runMain('samples', join(folder, 'run'), '--json', '-n', '2');
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toEqual([sample(2, 'low', -1, false), sample(2, 'high', 2, false)]);
  });

  test('evaluated rows are samples too, of a file and of a folder', async () => {
    const row = {
      prompt: [{ role: 'user', content: 'q' }],
      generation: { content: 'c' },
      generation_idx: 4,
      prompt_id: 'p',
      reward_model_score: [1, 3],
      correctness_reward_func: 2,
      answer: 'a',
      gold: 'a',
    };
    const file = join(folder, 'eval_results_gsm8k.jsonl');
    writeLines(file, [row]);
    for (const name of [file, folder]) {
      expect((await runMain('samples', name)).out).toContain(
        '--- p sample 4 | right | answer a | gold a | reward 2.000\nq\n>>> c',
      );
    }
  });

  test('a step without samples, a path without any, a file of other rows', async () => {
    expect((await runMain('samples', join(folder, 'run'), '--step', '7')).out).toContain('steps 1, 2');
    const missing = await runMain('samples', join(folder, 'none'));
    expect([missing.code, missing.err]).toEqual([3, expect.stringContaining('no such path')]);
    const other = join(folder, 'other.jsonl');
    writeFileSync(other, '{"question":"?"}\n');
    const { code, err } = await runMain('samples', other);
    expect([code, err]).toEqual([3, expect.stringContaining('other.jsonl:1')]);
  });

  test('colour shows where a reward is high, and nothing of a completion reaches the terminal raw', () => {
    const shown = shownSample({ ...sample(1, 'a', 1, true), completion: 'x\u001b[2Jy\u202e', prompt: 'p\u0000' })!;
    const pieces = [
      { text: 'x\u001b[2J', reward: -1 },
      { text: 'y\n', reward: 1 },
      { text: 'z', reward: Number.NaN },
    ];
    const plain = samplesText([{ sample: shown, pieces }], false);
    expect(plain).toContain('>>> x\\x1b[2Jy\\n\nz');
    expect(plain).toContain('p\\x00');
    const coloured = samplesText([{ sample: shown, pieces }], true);
    expect(coloured).toContain('48;5;88mx\\x1b[2J\u001b[0m\u001b[38;5;255;48;5;34my\\n\u001b[0m\nz');
    expect(coloured).toContain(' -1.00 ');
  });
});
