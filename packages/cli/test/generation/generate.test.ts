import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { saveAdapterDirectory } from '@dawngrad/models/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';
import { sharedData } from '../shared-data.ts';
import { writeTinyModel } from '../tiny-model.ts';

let folder: string;
let model: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-generate-'));
  model = join(folder, 'model');
  await writeTinyModel(model);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface SampleRow {
  readonly row: number;
  readonly sample: number;
  readonly prompt_ids: number[];
  readonly ids: number[];
  readonly text: string;
  readonly logprobs: number[];
  readonly finish: string;
}

const rowsOf = (text: string): SampleRow[] =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as SampleRow);

const generate = (...args: string[]) => runMain('generate', '--model', model, '--max-new-tokens', '12', ...args);

describe('dawngrad generate', () => {
  it('streams the completion of one prompt, the same that --json tells', async () => {
    const plain = await generate('--prompt', 'sum 1 + 2 =', '--seed', '3');
    expect(plain.code, plain.err).toBe(0);
    const json = await generate('--prompt', 'sum 1 + 2 =', '--seed', '3', '--json');
    const [row] = rowsOf(json.out);
    expect(plain.out).toBe(`${row!.text}\n`);
    expect(row!.ids.length).toBeGreaterThan(0);
    expect(row!.logprobs.length).toBe(row!.ids.length);
    expect(row!.logprobs.every((logp) => logp < 0 && Math.fround(logp) !== 0)).toBe(true);
    expect(row!.finish).toBe(row!.ids.at(-1) === 1 ? 'stop' : 'length');
  });

  it('gives the same samples of a prompt by text and by ids, and others for another seed', async () => {
    const byText = rowsOf((await generate('--prompt', 'sum 1 + 2 =', '--samples', '3', '--json')).out);
    expect(new Set(byText.map(({ ids }) => ids.join())).size).toBe(3);
    const ids = byText[0]!.prompt_ids.join();
    const byIds = rowsOf((await generate('--ids', ids, '--samples', '3', '--json')).out);
    expect(byIds).toEqual(byText);
    const other = rowsOf((await generate('--ids', ids, '--samples', '3', '--json', '--seed', '9')).out);
    expect(other.map((row) => row.ids)).not.toEqual(byText.map((row) => row.ids));
  });

  it('reads prompts of a file and writes an object a sample, whole or not at all', async () => {
    const input = join(folder, 'prompts.jsonl');
    writeFileSync(input, '{"prompt": "sum 1 + 2 ="}\n\n{"ids": [3, 4]}\n');
    const output = join(folder, 'samples.jsonl');
    const result = await generate('--input', input, '--samples', '2', '--output', output, '--temperature', '0');
    expect(result.code, result.err).toBe(0);
    expect(result.out).toBe('');
    const rows = rowsOf(readFileSync(output, 'utf8'));
    expect(rows.map(({ row, sample }) => [row, sample])).toEqual([
      [0, 0],
      [0, 1],
      [1, 0],
      [1, 1],
    ]);
    // Greedy: the samples of a prompt are one.
    expect(rows[0]!.ids).toEqual(rows[1]!.ids);
    expect(rows[2]!.prompt_ids).toEqual([3, 4]);
    expect(readdirSync(folder).filter((name) => name.startsWith('.tmp'))).toEqual([]);
  });

  it('keeps its cache in 16 bits where asked to, at a small difference', async () => {
    const args = ['--prompt', 'sum 1 + 2 =', '--json'];
    const [exact] = rowsOf((await generate(...args)).out);
    const [rounded] = rowsOf((await generate(...args, '--cache-dtype', 'bf16')).out);
    expect(rounded!.logprobs[0]).not.toBe(exact!.logprobs[0]);
    expect(Math.abs(rounded!.logprobs[0]! - exact!.logprobs[0]!)).toBeLessThan(0.05);
  });

  it('prints several samples under headings', async () => {
    const { out } = await generate('--prompt', 'sum 1 + 2 =', '--samples', '2');
    expect(out).toMatch(/^--- sample 1 of 2: \d+ tokens.*\n.*\n--- sample 2 of 2: /);
  });

  it('ends before a stop string and keeps the token that completed it', async () => {
    const free = rowsOf((await generate('--prompt', 'sum', '--json', '--seed', '5')).out)[0]!;
    const words = free.text.split(' ');
    const stop = words[3]!;
    const { text, ids, finish } = rowsOf(
      (await generate('--prompt', 'sum', '--json', '--seed', '5', '--stop', stop)).out,
    )[0]!;
    expect(text).toBe(free.text.slice(0, free.text.indexOf(stop)));
    expect(finish).toBe('stop');
    expect(ids).toEqual(free.ids.slice(0, ids.length));
    expect(ids.length).toBeLessThan(free.ids.length);
  });

  it.each<[string, number, string[], string]>([
    ['no prompt', 2, [], 'expected one of --prompt, --input and --ids, got none of them'],
    ['two prompts', 2, ['--prompt', 'sum', '--ids', '3'], 'got --prompt and --ids'],
    ['an unknown id', 3, ['--ids', '3,99'], '--ids: expected ids from 0 to 40, got 99'],
    ['ids that are none', 2, ['--ids', '3,x'], 'Expected ids as 1,2,3'],
    ['an unknown dtype', 2, ['--prompt', 'sum', '--dtype', 'int3'], 'Allowed choices are'],
    ['a negative temperature', 2, ['--prompt', 'sum', '--temperature', '-1'], 'Expected a number of at least 0'],
    ['no samples', 2, ['--prompt', 'sum', '--samples', '0'], 'Expected an integer of at least 1'],
    ['a prompt as long as the context', 3, ['--ids', Array(64).fill(3).join()], "fewer than the model's 64 tokens"],
    [
      'more new tokens than fit',
      3,
      ['--prompt', 'sum', '--max-new-tokens', '64'],
      "within the model's 64 tokens of context",
    ],
    ['a chat without a template', 3, ['--prompt', 'sum', '--chat'], 'expected a model with a chat template'],
    ['a missing file', 3, ['--input', join(tmpdir(), 'nowhere.jsonl')], 'expected a readable file'],
    ['an output that cannot be', 1, ['--prompt', 'sum', '--output', '/dev/null/x.jsonl'], 'a path that can be written'],
  ])('with %s exits with %i', async (_, code, args, message) => {
    const result = await runMain('generate', '--model', model, ...args);
    expect(result.code, result.err).toBe(code);
    expect(result.err).toContain(message);
    expect(result.err).not.toContain('This is a bug');
  });

  it.each([
    ['malformed JSON', '{"prompt": "sum"}\n{"prompt', ':2: expected a JSON object, got malformed JSON'],
    ['a list', '[1]\n', ':1: expected a JSON object, got a list'],
    ['no prompt', '{"text": "sum"}\n', ':1: expected a text "prompt", or "messages", or "ids", got fields text'],
    ['an id that the model lacks', '\n{"ids": [41]}\n', ':2: expected ids from 0 to 40, got 41'],
    ['ids that are none', '{"ids": [1.5]}\n', ':1: expected "ids" as a list of integers, got [1.5]'],
    ['no rows', '', ': expected at least one row, got an empty file'],
  ])('with rows of %s exits with 3 and tells the line', async (_, text, message) => {
    const input = join(folder, 'bad.jsonl');
    writeFileSync(input, text);
    const result = await generate('--input', input);
    expect(result.code, result.err).toBe(3);
    expect(result.err).toContain(`${input}${message}`);
  });

  it("puts an adapter on the model, and refuses one for another model's sizes", async () => {
    const adapter = async (name: string, width: number): Promise<string> => {
      const linear = 'model.layers.0.mlp.down_proj';
      const values = (shape: readonly [number, number]) => ({
        shape,
        read: async () => Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => Math.sin(i * i)),
      });
      await saveAdapterDirectory(join(folder, name), {
        config: { rank: 2, alpha: 4, targets: ['down_proj'] },
        tensors: [
          { name: `${linear}.lora_A.weight`, ...values([2, width]) },
          { name: `${linear}.lora_B.weight`, ...values([16, 2]) },
        ],
      });
      return join(folder, name);
    };
    const args = ['--prompt', 'sum 1 + 2 =', '--temperature', '0', '--json'];
    const fitting = await generate(...args, '--adapter', await adapter('adapter', 24));
    expect(fitting.code, fitting.err).toBe(0);
    expect(rowsOf(fitting.out)[0]!.logprobs).not.toEqual(rowsOf((await generate(...args)).out)[0]!.logprobs);
    const other = await generate(...args, '--adapter', await adapter('other', 32));
    expect(other.code).toBe(3);
    expect(other.err).toContain('expected shape [2,24], got [2,32]');
  });

  it('does not write over a folder', async () => {
    const output = join(folder, 'taken');
    mkdirSync(output);
    const result = await generate('--prompt', 'sum', '--output', output);
    expect(result.code).toBe(1);
    expect(result.err).toContain('got a directory');
    expect(existsSync(output)).toBe(true);
  });
});

const stories = sharedData('models/stories260K');

describe.skipIf(!stories.isPresent)('dawngrad generate on stories260K', () => {
  it('tells the golden story greedily', async () => {
    const golden = JSON.parse(readFileSync(join(stories.path, 'golden_torch.json'), 'utf8')) as {
      greedy_ids: number[];
    };
    const [first, ...rest] = golden.greedy_ids;
    const args = ['--ids', String(first), '--temperature', '0', '--max-new-tokens', '60', '--json'];
    const result = await runMain('generate', '--model', stories.path, ...args);
    expect(result.code, result.err).toBe(0);
    const [row] = rowsOf(result.out);
    expect(row!.ids).toEqual(rest.slice(0, 60));
    expect(row!.text).toContain('Once upon a time');
  });
});
