import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openModelDirectory, verifyDirectory } from '@dawngrad/models/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runMain } from '../run-main.ts';
import { writeTinyAdapter } from '../tiny-adapter.ts';
import { writeTinyModel } from '../tiny-model.ts';

let folder: string;
let base: string;
let adapter: string;
let count = 0;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-merge-'));
  base = join(folder, 'base');
  adapter = join(folder, 'adapter');
  await writeTinyModel(base);
  writeFileSync(join(base, 'LICENSE'), 'terms');
  writeFileSync(join(base, 'README.md'), 'a card');
  await writeTinyAdapter(adapter, { baseModel: base });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const newPath = (): string => join(folder, `out-${count++}`);
const Q = 'model.layers.0.self_attn.q_proj.weight';

describe('dawngrad merge', () => {
  it('writes the base with the adapter in it: changed linears, every other byte as it was', async () => {
    const output = newPath();
    const { code, out, err } = await runMain('merge', '--adapter', adapter, '--output', output);
    expect(code, err).toBe(0);
    expect(out).toMatch(/^merged 2 linears into 11 tensors, .* in 1 file, in .* s: /);
    expect((await verifyDirectory(output)).faults).toEqual([]);
    const kept = readdirSync(base).filter((name) => !/^(manifest|model|README)/.test(name));
    expect(readdirSync(output).filter((name) => !/^(manifest|model)/.test(name))).toEqual(kept);
    for (const name of kept)
      expect(readFileSync(join(output, name)).equals(readFileSync(join(base, name))), name).toBe(true);
    const [before, after] = [await openModelDirectory(base), await openModelDirectory(output)];
    const own = await openModelDirectory(adapter);
    const file = own.adapter!.file;
    for (const name of before.weights.names) {
      const [was, is] = [await before.weights.readF32(name), await after.weights.readF32(name)];
      if (!/q_proj|down_proj/.test(name)) {
        expect(is).toEqual(was);
        continue;
      }
      const linear = `base_model.model.${name.slice(0, -'.weight'.length)}`;
      const [a, b] = [await file.readF32(`${linear}.lora_A.weight`), await file.readF32(`${linear}.lora_B.weight`)];
      const width = before.weights.entry(name).shape[1]!;
      is.forEach((value, at) => {
        const [o, i] = [Math.floor(at / width), at % width];
        const delta = b[2 * o]! * a[i]! + b[2 * o + 1]! * a[width + i]!;
        expect(Math.abs(value - (was[at]! + 4 * delta))).toBeLessThan(1e-7);
      });
    }
  });

  it('gives the same bytes again, in shards and in another type where asked to', async () => {
    const paths = [newPath(), newPath()];
    for (const path of paths) {
      const more = ['--dtype', 'bf16', '--max-shard-size', '1KB', '--model', base];
      const { code, err } = await runMain('merge', '--adapter', adapter, '--output', path, ...more);
      expect(code, err).toBe(0);
    }
    const [first, second] = paths as [string, string];
    expect(readdirSync(first)).toEqual(readdirSync(second));
    expect(readdirSync(first)).toContain('model.safetensors.index.json');
    for (const name of readdirSync(first)) {
      expect(readFileSync(join(first, name)).equals(readFileSync(join(second, name))), name).toBe(true);
    }
    const model = await openModelDirectory(first);
    expect(model.weights.entry(Q).dtype).toBe('BF16');
    expect(JSON.parse(readFileSync(join(first, 'config.json'), 'utf8'))).toMatchObject({ torch_dtype: 'bfloat16' });
  });

  it('takes the tokenizer that the adapter brings', async () => {
    const own = newPath();
    cpSync(adapter, own, { recursive: true });
    for (const name of ['tokenizer.json', 'tokenizer_config.json']) cpSync(join(base, name), join(own, name));
    writeFileSync(join(own, 'chat_template.jinja'), 'of the adapter');
    const output = newPath();
    const { code, err } = await runMain('merge', '--adapter', own, '--output', output);
    expect(code, err).toBe(0);
    expect(readFileSync(join(output, 'chat_template.jinja'), 'utf8')).toBe('of the adapter');
  });

  it.each([
    [
      'an output that exists',
      () => ['--adapter', adapter, '--output', base],
      3,
      'a new directory, got one that exists',
    ],
    [
      'a whole model for an adapter',
      () => ['--adapter', base, '--output', newPath()],
      3,
      'an adapter, with adapter_config.json',
    ],
    [
      'an adapter that is not there',
      () => ['--adapter', `${adapter}-no`, '--output', newPath()],
      3,
      'expected a directory',
    ],
    [
      'a base that is not there',
      () => ['--adapter', adapter, '--model', join(folder, 'nowhere'), '--output', newPath()],
      3,
      'nowhere: expected a directory',
    ],
    [
      'a size that is none',
      () => ['--adapter', adapter, '--output', newPath(), '--max-shard-size', '5 lemons'],
      2,
      'such as 5GB',
    ],
    [
      'a type that is none',
      () => ['--adapter', adapter, '--output', newPath(), '--dtype', 'int8'],
      2,
      'f32, f16, bf16',
    ],
  ] as readonly (readonly [string, () => string[], number, string])[])(
    'refuses %s',
    async (_, args, expected, text) => {
      const before = readdirSync(folder).length;
      const { code, out, err } = await runMain('merge', ...args());
      expect(code, err).toBe(expected);
      expect(err).toContain(text);
      expect(out).toBe('');
      expect(err.trim().split('\n').length).toBeLessThanOrEqual(5);
      expect(readdirSync(folder)).toHaveLength(before);
    },
  );

  it('refuses an adapter for another base in one message, and leaves nothing', async () => {
    const other = newPath();
    await writeTinyAdapter(other, { baseModel: base, targets: ['q_proj', 'k_proj', 'down_proj'] });
    const output = newPath();
    const { code, err } = await runMain('merge', '--adapter', other, '--output', output);
    expect(code).toBe(3);
    expect(err).toContain('model.layers.0.self_attn.k_proj');
    expect(err).toContain('The adapter was made for');
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(existsSync(output)).toBe(false);
    expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });

  it('leaves nothing when a weight turns out damaged while it is merged', async () => {
    const broken = newPath();
    cpSync(base, broken, { recursive: true });
    const bytes = readFileSync(join(broken, 'model.safetensors'));
    bytes.fill(0xff, bytes.length - 16 * 24 * 4);
    writeFileSync(join(broken, 'model.safetensors'), bytes);
    const parent = newPath();
    mkdirSync(parent);
    const { code, err } = await runMain(
      'merge',
      '--adapter',
      adapter,
      '--model',
      broken,
      '--output',
      join(parent, 'out'),
    );
    expect(code, err).toBe(1);
    expect(err).toContain('expected finite weights, got NaN');
    expect(readdirSync(parent)).toEqual([]);
  });
});
