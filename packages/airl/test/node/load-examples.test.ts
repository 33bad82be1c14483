import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { tableFromJSON, tableToIPC } from 'apache-arrow';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadExamples } from '../../src/node/load-examples.ts';
import { locateData } from '../../src/node/locate-data.ts';

// Written by pyarrow 25: five rows of GSM8K in three row groups (snappy); three of MMLU-Pro (zstd).
const fixtures = fileURLToPath(new URL('../data/fixtures/', import.meta.url));
const rows = [1, 2, 3].map((i) => ({ question: `Question ${i}?`, answer: `It is ${i}.\n#### ${i}` }));
let folder: string;
const write = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  mkdirSync(join(path, '..'), { recursive: true });
  writeFileSync(path, content);
  return path;
};
const answers = async (path: string, split = 'train'): Promise<string[]> =>
  (await loadExamples(path, { dataset: 'gsm8k', split })).examples.map(({ answer }) => answer);
const jsonl = rows.map((row) => JSON.stringify(row)).join('\n');

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-data-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('loadExamples', () => {
  it('reads parquet by row groups, numbering rows through', async () => {
    const { examples, files, rows } = await loadExamples(`${fixtures}gsm8k.snappy.parquet`, { dataset: 'gsm8k' });
    expect(examples.map(({ answer }) => answer)).toEqual(['3', '5', '7', '9', '11']);
    expect(examples.map(({ id }) => id.slice(id.lastIndexOf(':')))).toEqual([':1', ':2', ':3', ':4', ':5']);
    expect([files.length, rows]).toEqual([1, 5]);
  });

  it('reads lists and 64-bit integers from parquet', async () => {
    const { examples } = await loadExamples(`${fixtures}mmlu.zstd.parquet`, { dataset: 'mmlu' });
    expect(examples.map(({ answer }) => answer)).toEqual(['option 0', 'option 1', 'option 2']);
    expect(examples[2]?.options).toEqual({ A: 'option 0', B: 'option 1', C: 'option 2', D: 'option 3', E: 'option 4' });
  });

  it.each(['stream', 'file'] as const)('reads Arrow data in the %s format', async (format) => {
    const path = write(`${format}.arrow`, tableToIPC(tableFromJSON(rows), format));
    expect(await answers(path)).toEqual(['1', '2', '3']);
  });

  it('reads nested Arrow data', async () => {
    const nested = [{ question: 'Make 3.', reward_model: { nums: [1, 2], target: 3 } }];
    const path = write('nested.arrow', tableToIPC(tableFromJSON(nested), 'stream'));
    const { examples } = await loadExamples(path, { dataset: 'countdown' });
    expect(examples[0]?.answer).toBe('{"nums":[1,2],"target":3}');
  });

  it('reads a JSON list and JSONL under .json, with a byte-order mark or without', async () => {
    expect(await answers(write('list.json', `\uFEFF ${JSON.stringify(rows)}`))).toEqual(['1', '2', '3']);
    expect(await answers(write('lines.json', jsonl))).toEqual(['1', '2', '3']);
  });

  it('stops after the rows asked for', async () => {
    const { examples } = await loadExamples(`${fixtures}gsm8k.snappy.parquet`, { dataset: 'gsm8k', maxRows: 2 });
    expect(examples.length).toBe(2);
  });

  it.each([
    [
      'cut.parquet',
      (): string | Uint8Array => readFileSync(`${fixtures}gsm8k.snappy.parquet`).subarray(0, 900),
      'corrupt',
      /a parquet file/,
    ],
    ['text.parquet', (): string | Uint8Array => 'no parquet', 'corrupt', /a parquet file/],
    ['text.arrow', (): string | Uint8Array => 'no arrow at all, just text', 'corrupt', /Arrow data/],
    [
      'cut.arrow',
      (): string | Uint8Array => tableToIPC(tableFromJSON(rows), 'stream').subarray(0, 200),
      'corrupt',
      /Arrow data/,
    ],
    [
      'broken.json',
      (): string | Uint8Array => '[{"a": 1}',
      'config',
      /broken\.json:1: expected a JSON list of rows, got malformed JSON/,
    ],
    ['numbers.json', (): string | Uint8Array => '[1]', 'config', /numbers\.json:1: expected a JSON object, got 1/],
    [
      'fields.parquet',
      (): string | Uint8Array => readFileSync(`${fixtures}mmlu.zstd.parquet`),
      'config',
      /fields\.parquet:1: expected a field|a last line/,
    ],
  ] as const)('refuses %s with one message that names the file', async (name, content, code, message) => {
    const path = write(name, content());
    const failure = loadExamples(path, { dataset: 'gsm8k' });
    await expect(failure).rejects.toMatchObject({ code });
    await expect(failure).rejects.toThrow(message);
  });

  it('never hangs or crashes on a parquet file with a byte changed', async () => {
    const whole = readFileSync(`${fixtures}gsm8k.snappy.parquet`);
    for (let at = 0; at < whole.length; at += 23) {
      const bytes = Uint8Array.from(whole);
      bytes[at] = bytes[at]! ^ 0x55;
      const path = write('flipped.parquet', bytes);
      await loadExamples(path, { dataset: 'gsm8k' }).catch((error: { code?: string }) => {
        expect(['corrupt', 'config', 'limit'], `byte ${at}: ${String(error)}`).toContain(error.code);
      });
    }
  });
});

describe('locateData', () => {
  const gsm8k = { dataset: 'gsm8k' } as const;

  it('takes the files of a split from a folder: by name, by shards, by a folder of its own', async () => {
    const train = write('named/train.jsonl', jsonl);
    write('named/test.jsonl', jsonl);
    expect(await locateData(join(folder, 'named'), gsm8k)).toEqual([train]);
    const shards = [0, 1].map((i) => write(`shards/train-0000${i}-of-00002.parquet`, 'x'));
    expect(await locateData(join(folder, 'shards'), gsm8k)).toEqual(shards);
    // What `datasets` writes: a folder a split, data in Arrow streams, state beside it.
    const saved = write('saved/test/data-00000-of-00001.arrow', 'x');
    write('saved/test/state.json', '{}');
    write('saved/dataset_dict.json', '{}');
    expect(await locateData(join(folder, 'saved'), { ...gsm8k, split: 'test' })).toEqual([saved]);
  });

  it('refuses a folder that leaves a choice, or has no rows', async () => {
    write('two/a.jsonl', jsonl);
    write('two/b.jsonl', jsonl);
    await expect(locateData(join(folder, 'two'), gsm8k)).rejects.toThrow(
      /got a\.jsonl, b\.jsonl\. Hint: name one file/,
    );
    write('none/readme.md', 'x');
    await expect(locateData(join(folder, 'none'), gsm8k)).rejects.toThrow(/got no files of rows/);
    await expect(locateData(join(folder, 'absent'), gsm8k)).rejects.toThrow(/absent: expected a file, a folder, or/);
  });

  it('asks the hub for the published files of the split, or for the file named', async () => {
    const asked: unknown[] = [];
    const fromHub = (...args: unknown[]): Promise<string> => {
      asked.push(args);
      return Promise.resolve(join(folder, 'named/train.jsonl'));
    };
    await locateData('datasets/openai/gsm8k', { ...gsm8k, split: 'test', fromHub });
    await locateData('datasets/owner/name@main/a/b.parquet', { ...gsm8k, fromHub });
    expect(asked).toEqual([
      ['openai/gsm8k', 'main/test-00000-of-00001.parquet', undefined],
      ['owner/name', 'a/b.parquet', 'main'],
    ]);
    const { examples } = await loadExamples('datasets/openai/gsm8k', { ...gsm8k, fromHub });
    expect(examples.length).toBe(3);
  });

  it.each([
    ['datasets/openai/gsm8k/../x', /expected a file, a folder, or datasets/],
    ['datasets/owner', /expected a file, a folder, or datasets/],
    ['datasets/owner/name', /expected openai\/gsm8k with a split of train, test, or a file's name/],
    ['datasets/openai/gsm8k', /expected a local file or folder, got a name on the hub/],
  ])('refuses %s', async (path, message) => {
    await expect(locateData(path, gsm8k)).rejects.toThrow(message);
  });
});
