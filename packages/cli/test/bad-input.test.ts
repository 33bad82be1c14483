import {
  closeSync,
  cpSync,
  existsSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { diskFileSystem } from '@dawngrad/models/node';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type MainResult, runMain } from './run-main.ts';
import { writeSums, writeTinyModel } from './tiny-model.ts';

let folder: string;
let model: string;
let data: string;
let count = 0;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-bad-'));
  model = join(folder, 'model');
  data = join(folder, 'sums.jsonl');
  await writeTinyModel(model);
  writeSums(data, 8);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => vi.restoreAllMocks());

const newPath = (name: string): string => join(folder, `${count++}-${name}`);

function file(name: string, text: string): string {
  const path = newPath(name);
  writeFileSync(path, text);
  return path;
}

/** A copy of the model with one file changed, or removed where `change` gives undefined. */
function changedModel(name: string, change: (bytes: Buffer) => Buffer | undefined): string {
  const copy = newPath('model');
  cpSync(model, copy, { recursive: true });
  const path = join(copy, name);
  const changed = change(readFileSync(path));
  if (changed === undefined) rmSync(path);
  else writeFileSync(path, changed);
  return copy;
}

interface Given {
  readonly data?: string;
  readonly model?: string;
  readonly dir?: string;
  readonly more?: readonly string[];
}

/** Two steps of SFT, with what is given in the place of what is sound. */
function trainSft({
  data: rows = data,
  model: base = model,
  dir = newPath('run'),
  more = [],
}: Given): Promise<MainResult> {
  const sizes = ['train.max_steps=2', 'train.rows_per_step=2', 'data.dev_fraction=0', 'data.max_prompt_tokens=16'];
  const args = ['--data', rows, '--model', base, `run.dir=${dir}`, 'data.format=jsonl', ...sizes];
  return runMain('train', 'sft', ...args, 'data.max_completion_tokens=16', ...more);
}

/** One clear message: at most five lines, no stack, and the code. */
function expectRefusal({ code, out, err }: MainResult, expected: number, ...texts: readonly string[]): void {
  expect(code, err).toBe(expected);
  expect(out).toBe('');
  for (const text of texts) expect(err).toContain(text);
  expect(err).not.toContain('    at ');
  expect(err).not.toContain('This is a bug');
}

const ROW = { prompt: 'sum 1 + 2 =', target: '<think>\n3\n</think>\n<answer>\n3\n</answer>', answer: '3' };
const json = (row: object): string => `${JSON.stringify(row)}\n`;

describe('data', () => {
  it('of a missing file exit with 3 and name it', async () => {
    const path = join(folder, 'nowhere.jsonl');
    expectRefusal(
      await trainSft({ data: path }),
      3,
      `${path}: expected a file, a folder, or datasets/owner/name on the hub`,
    );
  });

  it('in a folder without rows exit with 3', async () => {
    const empty = newPath('empty');
    mkdirSync(empty);
    expectRefusal(await trainSft({ data: empty }), 3, `${empty}: expected a folder train/`, 'got no files of rows');
  });

  it.each([
    ['no rows', '', ': expected at least one row, got an empty file'],
    ['malformed JSON', `${json(ROW)}{"prompt": "sum`, ':2: expected a JSON object, got malformed JSON'],
    ['a list', '[1]\n', ':1: expected a JSON object, got an array'],
    ['no prompt', json({ ...ROW, prompt: undefined }), ':1: expected a field "prompt", got fields target, answer'],
    ['no answer', json(ROW) + json({ ...ROW, answer: undefined }), ':2: expected a field "answer"'],
    ['a blank answer', json({ ...ROW, answer: ' ' }), ':1: expected text in "answer", got an empty text'],
    ['no target', json({ ...ROW, target: undefined }), ':1: expected a "target" in a demonstration, got none'],
  ])('with %s exit with 3 and name file and line', async (_, text, message) => {
    const path = file('rows.jsonl', text);
    expectRefusal(await trainSft({ data: path }), 3, `${path}${message}`);
  });

  it('that are not UTF-8 exit with 4', async () => {
    const path = newPath('latin.jsonl');
    writeFileSync(path, Uint8Array.of(0x7b, 0xe9, 0x7d, 0x0a));
    expectRefusal(await trainSft({ data: path }), 4, `${path}:1: expected UTF-8 text`);
  });

  it.each([
    ['prompt', 'data.max_prompt_tokens=5', '8 of 8 rows over data.max_prompt_tokens=5 (p50 6, p95 6, p99 6, max 6)'],
    ['completion', 'data.max_completion_tokens=8', '8 of 8 rows over data.max_completion_tokens=8 (p50 11,'],
  ])('with an over-long %s exit with 3, telling how many, how long and which key', async (_, limit, message) => {
    expectRefusal(await trainSft({ more: [limit] }), 3, message, 'Hint: Raise the key named');
  });

  it('with some over-long rows are cut nowhere: they are refused or, on request, left out with a note', async () => {
    const long = { ...ROW, prompt: 'sum 1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 + 9 + 10 =' };
    const path = file('rows.jsonl', json(ROW) + json(long));
    const refused = await trainSft({ data: path });
    expectRefusal(refused, 3, '1 of 2 rows over data.max_prompt_tokens=16', `(first: ${path}:2)`, 'data.overlong=drop');
    const dropped = await trainSft({ data: path, more: ['data.overlong=drop'] });
    expect(dropped.code, dropped.err).toBe(0);
    expect(dropped.err).toContain('note: 1 rows over the token limits are left out');
  });
});

describe('a command line', () => {
  it.each([
    ['an unknown method', ['train', 'ppo'], "unknown command 'ppo'"],
    ['no method', ['train'], 'Usage: dawngrad train'],
    ['a typo in an option', ['evaluate', '--modle', 'x'], 'Did you mean --model?'],
    ['a bare word', ['train', 'sft', 'lr'], 'expected section.key=value'],
  ])('with %s exits with 2', async (_, args, message) => {
    expectRefusal(await runMain(...args), 2, message);
  });

  it('without data and model exits with 3 and names both keys', async () => {
    const result = await runMain('train', 'grpo');
    expectRefusal(result, 3, 'data.path: expected a path', 'policy.model: expected a path');
  });

  it('with typos of keys exits with 3 and tells all of them at once', async () => {
    const result = await trainSft({ more: ['polcy.lr=1', 'train.max_step=2', 'optim.schedule=cosin'] });
    expectRefusal(
      result,
      3,
      '3 mistakes',
      'Did you mean policy.lr?',
      'Did you mean train.max_steps?',
      'Did you mean cosine?',
    );
  });

  it('that keeps the best weights without dev rows exits with 3', async () => {
    expectRefusal(await trainSft({ more: ['train.keep_best=true'] }), 3, 'train.keep_best', 'data.dev_fraction');
  });

  it('that leaves nothing to train on exits with 3', async () => {
    const one = file('one.jsonl', json(ROW));
    const more = ['data.dev_fraction=0.9'];
    expectRefusal(await trainSft({ data: one, more }), 3, 'data.dev_fraction: expected rows left to train on');
  });
});

describe('a model', () => {
  it('that is not there exits with 3', async () => {
    expectRefusal(await trainSft({ model: join(folder, 'none') }), 3, 'expected a directory');
  });

  it.each([
    ['config.json', 3, 'expected config.json, got no such file'],
    ['model.safetensors', 3, 'expected model.safetensors, got no weights'],
    ['tokenizer.json', 3, 'expected tokenizer.json, got no tokenizer'],
  ])('without %s exits with %i', async (name, code, message) => {
    const dir = newPath('run');
    expectRefusal(await trainSft({ model: changedModel(name, () => undefined), dir }), code, message);
    expect(existsSync(dir)).toBe(false);
  });

  it.each([
    ['cut short', (bytes: Buffer) => bytes.subarray(0, bytes.length - 100)],
    ['cut in its header', (bytes: Buffer) => bytes.subarray(0, 40)],
    ['empty', () => Buffer.alloc(0)],
    ['of zeros', (bytes: Buffer) => Buffer.alloc(bytes.length)],
    [
      'with a header that promises more',
      (bytes: Buffer) => replaced(bytes, '"data_offsets":[0,', '"data_offsets":[9,'),
    ],
    [
      'whose shapes are not those of config.json',
      (bytes: Buffer) => replaced(bytes, '"shape":[24,16]', '"shape":[16,24]'),
    ],
    ['with a tensor of another name', (bytes: Buffer) => replaced(bytes, 'model.norm.weight', 'model.nork.weight')],
  ])('with weights %s exits with 4 and saves nothing', async (_, change) => {
    const dir = newPath('run');
    const result = await trainSft({ model: changedModel('model.safetensors', change), dir });
    expect(result.code, result.err).toBe(4);
    expect(result.err).not.toContain('This is a bug');
    expect(existsSync(join(dir, 'ckpt'))).toBe(false);
  });

  it('of another size than config.json says exits with 4 and names a weight', async () => {
    const base = changedModel('config.json', (bytes) =>
      replaced(bytes, '"intermediate_size": 24', '"intermediate_size": 28'),
    );
    const result = await trainSft({ model: base });
    expect(result.code, result.err).toBe(4);
    expect(result.err).toMatch(/mlp\.\w+_proj\.weight: expected shape \[28,16\]|expected shape \[16,28\]/);
  });

  it('whose tokenizer has ids over the embedding exits with 4 and names the id', async () => {
    const base = changedModel('tokenizer.json', (bytes) => replaced(bytes, '"sum":36', '"sum":99'));
    expectRefusal(await trainSft({ model: base }), 4, 'tokenizer.json: expected ids below', 'got id 99 for "sum"');
  });

  it('of another architecture exits with 3', async () => {
    const base = changedModel('config.json', (bytes) => replaced(bytes, '"llama"', '"gpt_x"'));
    expectRefusal(await trainSft({ model: base }), 3, 'model_type among llama');
  });

  it('over the memory budget exits with 1, names the allocation and the way to raise it', async () => {
    vi.stubEnv('DAWNGRAD_MEMORY_GIB', '0.5');
    const result = await trainSft({ model: hugeModel() });
    vi.unstubAllEnvs();
    expect(result.code, result.err).toBe(1);
    expect(result.err).toMatch(/models\/decoder\/values: expected at most 512\.0 MiB of GPU memory .*, got \d+/);
    expect(result.err).toContain('DAWNGRAD_MEMORY_GIB');
    expect(result.err).not.toContain('This is a bug');
  });
});

describe('a run directory', () => {
  it('that holds another run exits with 3; with --resume and other settings as well', async () => {
    const dir = newPath('run');
    expect((await trainSft({ dir })).code).toBe(0);
    expectRefusal(await trainSft({ dir }), 3, 'continue it with --resume');
    expectRefusal(await trainSft({ dir, more: ['--resume', 'policy.lr=1'] }), 3, 'policy.lr: 0.0001 -> 1');
  });

  it('without a run exits with 3 on --resume', async () => {
    expectRefusal(await trainSft({ more: ['--resume'] }), 3, 'a run to continue');
  });

  it('whose data changed exits with 3 on --resume', async () => {
    const dir = newPath('run');
    const rows = newPath('rows.jsonl');
    writeSums(rows, 8);
    expect((await trainSft({ dir, data: rows })).code).toBe(0);
    writeSums(rows, 9);
    const result = await trainSft({ dir, data: rows, more: ['--resume'] });
    expect(result.code, result.err).toBe(3);
    expect(result.err).toContain(`data.path: expected what the run started with, ${rows} (SHA-256 `);
  });

  it('whose newest checkpoint is damaged exits with 4 and names one that is whole', async () => {
    const dir = newPath('run');
    const more = ['train.max_steps=4', 'train.checkpoint_every_steps=2'];
    expect((await trainSft({ dir, more })).code).toBe(0);
    const weights = join(dir, 'ckpt', 'step-00000004', 'model.safetensors');
    const bytes = readFileSync(weights);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(weights, bytes);
    const result = await trainSft({ dir, more: [...more, '--resume'] });
    expect(result.code, result.err).toBe(4);
    expect(result.err).toContain('model.safetensors: contents that differ from its checksum');
    expect(result.err).toContain('step-00000002 is whole');
  });
});

describe('a full disk', () => {
  it('that is seen before a save exits with 1, telling how much is needed', async () => {
    vi.spyOn(diskFileSystem, 'freeBytes').mockResolvedValue(1000);
    const dir = newPath('run');
    const result = await trainSft({ dir });
    expect(result.code, result.err).toBe(1);
    expect(result.err).toMatch(/expected \d+ bytes of free space, got 1000 bytes free/);
    expect(readdirSync(join(dir, 'ckpt'))).toEqual([]);
  });

  it('in the middle of a save exits with 1; the checkpoint before it is whole, and the run goes on from there', async () => {
    const dir = newPath('run');
    const more = ['train.max_steps=4', 'train.checkpoint_every_steps=2'];
    const open = diskFileSystem.open;
    let isFull = false;
    vi.spyOn(diskFileSystem, 'open').mockImplementation(async (path, flags) => {
      isFull ||= path.includes('step-00000004') && path.endsWith('moments.safetensors');
      const handle = await open(path, flags);
      const write = async (): Promise<number> => {
        throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC', syscall: 'write' });
      };
      return isFull ? { ...handle, write } : handle;
    });
    const full = await trainSft({ dir, more });
    expect(full.code, full.err).toBe(1);
    expect(full.err).toContain('Nothing was saved now; what was saved before is untouched');
    expect(readdirSync(join(dir, 'ckpt')).sort()).toEqual(['latest', 'step-00000002']);

    vi.restoreAllMocks();
    const resumed = await trainSft({ dir, more: [...more, '--resume'] });
    expect(resumed.code, resumed.err).toBe(0);
    expect(readdirSync(join(dir, 'ckpt')).sort()).toEqual(['latest', 'step-00000002', 'step-00000004']);
  });
});

function replaced(bytes: Buffer, from: string, to: string): Buffer {
  const text = bytes.toString('latin1');
  if (!text.includes(from)) throw new Error(`the fixture has no ${from}`);
  return Buffer.from(text.replace(from, to), 'latin1');
}

/** A model with an embedding of 16 GB, in a file that takes no space. */
function hugeModel(): string {
  const rows = 1_000_000;
  const width = 4096;
  const base = changedModel('config.json', (bytes) => {
    const config = JSON.parse(bytes.toString());
    return Buffer.from(JSON.stringify({ ...config, vocab_size: rows, hidden_size: width, num_hidden_layers: 1 }));
  });
  const block = 'model.layers.0';
  const shapes: Record<string, number[]> = {
    'model.embed_tokens.weight': [rows, width],
    [`${block}.input_layernorm.weight`]: [width],
    [`${block}.self_attn.q_proj.weight`]: [16, width],
    [`${block}.self_attn.k_proj.weight`]: [8, width],
    [`${block}.self_attn.v_proj.weight`]: [8, width],
    [`${block}.self_attn.o_proj.weight`]: [width, 16],
    [`${block}.post_attention_layernorm.weight`]: [width],
    [`${block}.mlp.gate_proj.weight`]: [24, width],
    [`${block}.mlp.up_proj.weight`]: [24, width],
    [`${block}.mlp.down_proj.weight`]: [width, 24],
    'model.norm.weight': [width],
  };
  let size = 0;
  const entries = Object.entries(shapes).map(([name, shape]) => {
    const begin = size;
    size += 4 * shape.reduce((product, dim) => product * dim, 1);
    return [name, { dtype: 'F32', shape, data_offsets: [begin, size] }];
  });
  const header = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const out = openSync(join(base, 'model.safetensors'), 'w');
  writeSync(out, Buffer.concat([length, header]));
  ftruncateSync(out, 8 + header.length + size);
  closeSync(out);
  return base;
}
