import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';
import { sharedData } from '../shared-data.ts';
import { writeTinyModel } from '../tiny-model.ts';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-logprobs-'));
  model = join(folder, 'model');
  await writeTinyModel(model);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Scored {
  readonly ids: number[];
  readonly logprobs: (number | null)[];
  readonly entropies: (number | null)[];
  readonly prompt_length?: number;
}

function inputFile(...rows: object[]): string {
  const path = join(folder, 'rows.jsonl');
  writeFileSync(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

const rowsOf = (text: string): Scored[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Scored);

describe('dawngrad logprobs', () => {
  it('gives what generation reports of its own samples, at its temperature', async () => {
    const settings = ['--temperature', '0.7', '--max-new-tokens', '20', '--samples', '3'];
    const sampled = await runMain('generate', '--model', model, '--prompt', 'sum 1 + 2 =', '--json', ...settings);
    const samples = sampled.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { prompt_ids: number[]; ids: number[]; logprobs: number[] });
    const input = inputFile(...samples.map(({ prompt_ids, ids }) => ({ ids: [...prompt_ids, ...ids] })));
    const output = join(folder, 'out.jsonl');
    const args = ['--input', input, '--output', output, '--temperature', '0.7', '--batch-tokens', '30'];
    const result = await runMain('logprobs', '--model', model, ...args);
    expect(result.code, result.err).toBe(0);
    const rows = rowsOf(readFileSync(output, 'utf8'));
    rows.forEach((row, i) => {
      const { prompt_ids, ids, logprobs } = samples[i]!;
      expect(row.ids).toEqual([...prompt_ids, ...ids]);
      expect([row.logprobs.length, row.entropies.length]).toEqual([row.ids.length, row.ids.length]);
      expect([row.logprobs[0], row.entropies[0]]).toEqual([null, null]);
      const own = row.logprobs.slice(prompt_ids.length) as number[];
      own.forEach((logp, t) => {
        expect(Math.abs(logp - logprobs[t]!)).toBeLessThan(1e-5);
      });
      // Of 41 tokens.
      for (const entropy of row.entropies.slice(1)) expect(entropy! > 0 && entropy! <= Math.log(41) + 1e-5).toBe(true);
    });
    expect(readdirSync(folder).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });

  it('scores text as ids, prompt and completion encoded apart, whatever is beside it', async () => {
    const text = { prompt: 'sum 1 + 2 =', completion: '<answer> 3 </answer>' };
    const alone = rowsOf((await runMain('logprobs', '--model', model, '--input', inputFile(text))).out)[0]!;
    const beside = inputFile({ ids: alone.ids }, { ids: [7] }, text);
    const [ids, single, again] = rowsOf((await runMain('logprobs', '--model', model, '--input', beside)).out);
    expect(again).toEqual(alone);
    expect(alone.prompt_length).toBeLessThan(alone.ids.length);
    expect(ids).toEqual({ ids: alone.ids, logprobs: alone.logprobs, entropies: alone.entropies });
    expect(single).toEqual({ ids: [7], logprobs: [null], entropies: [null] });
  });

  it('writes numbers that give the float32 back', async () => {
    const { out } = await runMain('logprobs', '--model', model, '--input', inputFile({ ids: [3, 4, 5, 6, 7, 8] }));
    const [row] = rowsOf(out);
    for (const value of [...row!.logprobs.slice(1), ...row!.entropies.slice(1)]) {
      // Nine digits tell any float32 from its neighbours; most need fewer than the 17 of the double.
      expect(value).toBe(Number(value!.toPrecision(9)));
    }
  });

  it.each<[string, string, string]>([
    ['malformed JSON', '{"ids": [3]}\n{"ids"', ':2: expected a JSON object, got malformed JSON'],
    [
      'no completion',
      '{"prompt": "sum"}\n',
      ':1: expected "ids", or texts "prompt" and "completion", got fields prompt',
    ],
    ['no ids', '{"ids": []}\n', ':1: expected at least one id, got none'],
    ['an unknown id', '{"ids": [3, 41]}\n', ':1: expected ids from 0 to 40, got 41'],
    ['too many ids', `${JSON.stringify({ ids: Array(65).fill(3) })}\n`, ":1: expected at most the model's 64 tokens"],
    ['no rows', '\n', ': expected at least one row'],
  ])('with %s exits with 3, tells the line and writes nothing', async (_, text, message) => {
    const input = join(folder, 'bad.jsonl');
    writeFileSync(input, text);
    const output = join(folder, 'never.jsonl');
    const result = await runMain('logprobs', '--model', model, '--input', input, '--output', output);
    expect(result.code, result.err).toBe(3);
    expect(result.err).toContain(`${input}${message}`);
    expect(existsSync(output)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });

  it.each([
    ['no input', 2, [], "required option '--input"],
    ['an unknown dtype', 2, ['--input', 'x', '--dtype', 'int8'], 'Allowed choices are'],
    ['a temperature of 0', 2, ['--input', 'x', '--temperature', '0'], 'Expected a number'],
  ])('with %s exits with %i', async (_, code, args, message) => {
    const result = await runMain('logprobs', '--model', model, ...args);
    expect(result.code).toBe(code);
    expect(result.err).toContain(message);
  });
});

const stories = sharedData('models/stories260K');

describe.skipIf(!stories.isPresent)('dawngrad logprobs on stories260K', () => {
  it.each(['stored', 'f32'])('gives the log-probabilities of PyTorch with --dtype %s', async (dtype) => {
    const golden = JSON.parse(readFileSync(join(stories.path, 'golden_torch.json'), 'utf8')) as {
      greedy_ids: number[];
      logprobs_first31: number[];
    };
    const input = inputFile({ ids: golden.greedy_ids });
    const result = await runMain('logprobs', '--model', stories.path, '--input', input, '--dtype', dtype);
    expect(result.code, result.err).toBe(0);
    const [row] = rowsOf(result.out);
    golden.logprobs_first31.forEach((expected, i) => {
      expect(Math.abs(row!.logprobs[i + 1]! - expected)).toBeLessThan(1e-4);
    });
  });
});
