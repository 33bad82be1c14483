import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Inspection } from '../../src/inspect/inspection.ts';
import { inspectionText } from '../../src/inspect/inspection-text.ts';
import { runMain } from '../run-main.ts';
import { writeTinyAdapter } from '../tiny-adapter.ts';
import { writeTinyModel } from '../tiny-model.ts';

let folder: string;
let model: string;
let adapter: string;
let count = 0;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'dawngrad-inspect-'));
  model = join(folder, 'model');
  adapter = join(folder, 'adapter');
  await writeTinyModel(model);
  await writeTinyAdapter(adapter, { baseModel: model });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function inspected(...args: string[]): Promise<Inspection> {
  const { code, out, err } = await runMain('inspect', ...args, '--json');
  expect(code, err).toBe(0);
  return JSON.parse(out) as Inspection;
}

/** A copy of a directory with a file changed, or removed where `change` gives undefined; `name` may be new. */
function changed(from: string, name: string, change: (bytes: Buffer) => Buffer | undefined): string {
  const copy = join(folder, `copy-${count++}`);
  cpSync(from, copy, { recursive: true });
  rmSync(join(copy, 'manifest.json'));
  const path = join(copy, name);
  let bytes: Buffer<ArrayBufferLike> = Buffer.alloc(0);
  try {
    bytes = readFileSync(path);
  } catch {
    // A file that is to be added.
  }
  const result = change(bytes);
  if (result === undefined) rmSync(path);
  else writeFileSync(path, result);
  return copy;
}

const edited = (bytes: Buffer, edit: (json: Record<string, unknown>) => object): Buffer =>
  Buffer.from(JSON.stringify(edit(JSON.parse(bytes.toString()) as Record<string, unknown>)));

describe('dawngrad inspect', () => {
  it('tells what a model holds and the memory it takes', async () => {
    const { kind, tensors, parameters, memoryBytes, files, verified } = await inspected(model);
    expect(kind).toBe('model');
    expect(tensors).toHaveLength(11);
    expect(tensors.find(({ name }) => name.endsWith('down_proj.weight'))).toEqual({
      name: 'model.layers.0.mlp.down_proj.weight',
      dtype: 'F32',
      shape: [16, 24],
      bytes: 16 * 24 * 4,
      file: 'model.safetensors',
    });
    const [d, f, v] = [16, 24, 41];
    const norms = 3 * d;
    const matrices = v * d + 3 * d * d + 3 * d * f;
    expect(parameters).toBe(norms + matrices);
    expect(memoryBytes).toMatchObject({ f32: 4 * (norms + matrices), bf16: 4 * norms + 2 * matrices });
    expect(files).toEqual([
      { name: 'model.safetensors', bytes: readFileSync(join(model, 'model.safetensors')).length },
    ]);
    expect(verified.join()).toContain('every value is finite');
    expect(verified.join()).toContain('checksums');
  });

  it('reads headers only where asked to be quick', async () => {
    const { verified } = await inspected(model, '--quick');
    expect(verified.join()).not.toMatch(/finite|checksums/);
  });

  it('checks an adapter against its base, and says so where there is none', async () => {
    const found = await inspected(adapter);
    expect(found.kind).toBe('adapter');
    expect(found.tensors).toHaveLength(4);
    expect(found.verified).toContain(`that it fits the base ${model}`);
    const lost = changed(adapter, 'adapter_config.json', (bytes) =>
      edited(bytes, (json) => ({ ...json, base_model_name_or_path: 'org/elsewhere' })),
    );
    expect((await inspected(lost)).notes).toEqual([expect.stringContaining('org/elsewhere, which is not here')]);
    expect((await inspected(lost, '--base', model)).notes).toEqual([]);
  });

  it('lists a file of tensors by itself', async () => {
    const { kind, tensors, memoryBytes } = await inspected(join(adapter, 'adapter_model.safetensors'));
    expect(kind).toBe('file');
    expect(tensors.map(({ name }) => name)).toContain('base_model.model.model.layers.0.mlp.down_proj.lora_A.weight');
    expect(memoryBytes.f32).toBe(4 * (2 * 16 + 16 * 2 + 2 * 24 + 16 * 2));
  });

  it('prints lines that fit the terminal, layers as one', () => {
    const layer = (n: number): Inspection['tensors'] => [
      {
        name: `model.layers.${n}.self_attn.q_proj.weight`,
        dtype: 'BF16',
        shape: [896, 896],
        bytes: 1_605_632,
        file: 'm',
      },
      { name: `model.layers.${n}.input_layernorm.weight`, dtype: 'F32', shape: [896], bytes: 3584, file: 'm' },
    ];
    const tensors = [0, 1, 2, 5].flatMap(layer);
    const inspection: Inspection = {
      path: 'models/x',
      kind: 'model',
      parameters: 3_214_848,
      files: [{ name: 'm', bytes: 1 }],
      tensors,
      memoryBytes: { f32: 12_859_392 },
      facts: [['model', 'words '.repeat(60).trim()]],
      verified: ['that'],
      notes: [],
    };
    const text = inspectionText(inspection, { width: 80, isLong: false });
    for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
    expect(text).toContain('model.layers.{0..2,5}.self_attn.q_proj.weight');
    expect(text).toMatch(/q_proj\.weight +BF16 +\[896, 896\] +x 4 +6\.4 MB/);
    expect(inspectionText(inspection, { width: 120, isLong: true })).toContain('model.layers.5.input_layernorm.weight');
    const narrow = inspectionText(inspection, { width: 60, isLong: false });
    expect(narrow).toMatch(/model\S*\.\.\.\S*q_proj\.weight/);
  });

  it.each([
    ['a truncated file', 'model.safetensors', (b) => b.subarray(0, -1), 4, ['model.safetensors', 'truncated']],
    ['no weights', 'model.safetensors', () => undefined, 4, ['expected model.safetensors or']],
    ['no tokenizer', 'tokenizer.json', () => undefined, 4, ['expected tokenizer.json']],
    ['no configuration', 'config.json', () => undefined, 4, ['expected config.json']],
    [
      'a configuration of another size',
      'config.json',
      (b) => edited(b, (json) => ({ ...json, intermediate_size: 32 })),
      4,
      ['model.safetensors: model.layers.0.mlp.gate_proj.weight', '[32,16]', '[24,16]'],
    ],
    [
      'a family that is not known',
      'config.json',
      (b) => edited(b, (json) => ({ ...json, model_type: 'gemma' })),
      3,
      ['config.json', 'gemma'],
    ],
    [
      'a value that is not finite',
      'model.safetensors',
      (b) => Buffer.concat([b.subarray(0, -4), Buffer.of(0, 0, 0xc0, 0x7f)]),
      4,
      ['model.safetensors: model.norm.weight', 'NaN or infinity at element 15'],
    ],
  ] as readonly (readonly [string, string, (bytes: Buffer) => Buffer | undefined, number, readonly string[]])[])(
    'exits with a code and one message for a model with %s',
    async (_, name, change, expected, parts) => {
      const { code, out, err } = await runMain('inspect', changed(model, name, change));
      expect(code, err).toBe(expected);
      expect(out).toBe('');
      expect(err.trim().split('\n')).toHaveLength(1);
      for (const part of parts) expect(err).toContain(part);
    },
  );

  it('notices a file that is not what the manifest says', async () => {
    const copy = join(folder, `copy-${count++}`);
    cpSync(model, copy, { recursive: true });
    const path = join(copy, 'tokenizer_config.json');
    writeFileSync(path, readFileSync(path, 'utf8').replace('{', '{ '));
    const { code, err } = await runMain('inspect', copy);
    expect(code).toBe(4);
    expect(err).toContain('tokenizer_config.json: expected what manifest.json says');
    expect((await runMain('inspect', copy, '--quick')).code).toBe(0);
  });

  it.each([
    ['pytorch_model.bin', Buffer.from('PK\x03\x04rest'), 'a pickle'],
    ['weights.pt', Buffer.of(0x80, 2, 1, 1, 1, 1, 1, 1, 1), 'a pickle'],
    ['x.safetensors', Buffer.from('PK\x03\x04rest of it'), 'a pickle'],
    ['x.gguf', Buffer.from('GGUF and more'), 'a GGUF file'],
    ['x.safetensors', Buffer.alloc(3), '3 bytes'],
    ['x.safetensors', Buffer.from([0, 225, 245, 5, 0, 0, 0, 0, 123, 125]), 'header'],
    ['x.safetensors', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), 'header'],
  ])('exits with 4 and one message for the file %s of %j', async (name, bytes, part) => {
    const path = join(mkdtempSync(join(folder, 'file-')), name);
    writeFileSync(path, bytes);
    const { code, out, err } = await runMain('inspect', path);
    expect(code, err).toBe(4);
    expect(out).toBe('');
    expect(err).toContain(path);
    expect(err).toContain(part);
    expect(err.trim().split('\n')).toHaveLength(1);
  });

  it('says what a directory of pickles is', async () => {
    const copy = changed(model, 'model.safetensors', () => undefined);
    writeFileSync(join(copy, 'pytorch_model.bin'), 'PK\x03\x04');
    const { code, err } = await runMain('inspect', copy);
    expect(code).toBe(4);
    expect(err).toContain('pytorch_model.bin, a pickle file');
    expect(err).toContain('runs code');
  });

  it('exits with 3 for a path that is not there, and with 2 without one', async () => {
    const { code, err } = await runMain('inspect', join(folder, 'nowhere'));
    expect(code).toBe(3);
    expect(err).toContain('nowhere: expected a directory or a file');
    expect((await runMain('inspect')).code).toBe(2);
  });

  it('exits with 4 for an adapter that contradicts itself, and with 3 for one of another base', async () => {
    const rank = changed(adapter, 'adapter_config.json', (bytes) => edited(bytes, (json) => ({ ...json, r: 4 })));
    const { code, err } = await runMain('inspect', rank);
    expect(code).toBe(4);
    expect(err).toContain('lora_A.weight of rank 4, as adapter_config.json says, got rank 2');
    const cut = changed(adapter, 'adapter_model.safetensors', (bytes) => bytes.subarray(0, -1));
    expect((await runMain('inspect', cut)).code).toBe(4);
    const targets = ['q_proj', 'down_proj', 'o_proj'];
    const other = changed(adapter, 'adapter_config.json', (bytes) =>
      edited(bytes, (json) => ({ ...json, target_modules: targets })),
    );
    const refused = await runMain('inspect', other);
    expect(refused.code).toBe(3);
    expect(refused.err).toContain('factors of model.layers.0.self_attn.o_proj');
  });
});
