import { describe, expect, it } from 'vitest';
import type { DirectorySink } from '../../src/io/byte-source.ts';
import { memoryFiles } from '../../src/io/memory-files.ts';
import { type OpenModel, openModel } from '../../src/io/open-model.ts';
import { readSideFiles } from '../../src/io/side-files.ts';
import type { TensorSource } from '../../src/io/tensor-source.ts';
import { type ModelContents, modelSize, writeModel } from '../../src/io/write-model.ts';
import { joinBytes } from './make-safetensors.ts';
import { TINY_CONFIG_JSON, tinyCheckpoint } from './tiny-checkpoint.ts';

/** A directory in memory; counts the largest piece that was written at once. */
class MemoryDirectory implements DirectorySink {
  readonly files = new Map<string, Uint8Array>();
  largest = 0;

  async writeFile(name: string, fill: Parameters<DirectorySink['writeFile']>[1]): Promise<void> {
    if (this.files.has(name)) throw new Error(`${name} twice`);
    const parts: Uint8Array[] = [];
    await fill({
      write: async (bytes) => {
        parts.push(bytes.slice());
        if (name.endsWith('.safetensors')) this.largest = Math.max(this.largest, bytes.byteLength);
      },
    });
    this.files.set(name, joinBytes(...parts));
  }
}

interface ParsedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

/**
 * The format as its definition says, and nothing of our reader: 8 bytes of length, little-endian; JSON; data. Spans
 * must follow one another and start at multiples of their element size, as PyTorch's loader wants them.
 */
function parseSafetensors(file: Uint8Array): Map<string, ParsedTensor> {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  expect(length % 8).toBe(0);
  const json = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<string, unknown>;
  expect(json.__metadata__).toEqual({ format: 'pt' });
  const data = file.subarray(8 + length);
  const width: Record<string, number> = { F32: 4, F16: 2, BF16: 2 };
  const found = new Map<string, ParsedTensor>();
  const spans: [number, number][] = [];
  for (const [name, value] of Object.entries(json)) {
    if (name === '__metadata__') continue;
    const {
      dtype,
      shape,
      data_offsets: span,
    } = value as { dtype: string; shape: number[]; data_offsets: [number, number] };
    expect(span[1] - span[0]).toBe(shape.reduce((a, b) => a * b, width[dtype]!));
    expect(span[0] % width[dtype]!).toBe(0);
    spans.push(span);
    found.set(name, { dtype, shape, bytes: data.subarray(...span) });
  }
  spans.sort(([a], [b]) => a - b);
  spans.forEach(([begin], i) => {
    expect(begin).toBe(i === 0 ? 0 : spans[i - 1]![1]);
  });
  expect(spans.at(-1)![1]).toBe(data.byteLength);
  return found;
}

const raw = (model: OpenModel): TensorSource[] =>
  model.weights.names.map((name) => ({
    name,
    ...(({ dtype, shape }) => ({ dtype, shape }))(model.weights.entry(name)),
    async *chunks() {
      for await (const { bytes } of model.weights.readChunks(name, 64)) yield bytes;
    },
  }));

async function write(contents: ModelContents): Promise<MemoryDirectory> {
  const directory = new MemoryDirectory();
  await writeModel(directory, contents);
  const size = [...directory.files.values()].reduce((sum, bytes) => sum + bytes.byteLength, 0);
  expect(modelSize(contents)).toBeGreaterThanOrEqual(size);
  return directory;
}

async function copied(
  files: ReadonlyMap<string, Uint8Array>,
  more: Partial<ModelContents> = {},
): Promise<MemoryDirectory> {
  const model = await openModel(memoryFiles('dir', files));
  return write({
    config: model.config,
    tensors: raw(model),
    sideFiles: await readSideFiles(model.files),
    ...more,
  });
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe('writeModel', () => {
  it.each(['F32', 'F16', 'BF16'] as const)('copies an unchanged model in %s byte for byte', async (dtype) => {
    const torchDType = { F32: 'float32', F16: 'float16', BF16: 'bfloat16' }[dtype];
    const files = tinyCheckpoint({ dtype, config: { torch_dtype: torchDType } });
    files.set('LICENSE', Uint8Array.of(1, 2)).set('chat_template.jinja', Uint8Array.of(123));
    files.set('README.md', Uint8Array.of(3)).set('pytorch_model.bin', Uint8Array.of(4));
    const { files: out, largest } = await copied(files);
    expect([...out.keys()].sort()).toEqual(
      [...files.keys()].filter((name) => name !== 'README.md' && name !== 'pytorch_model.bin').sort(),
    );
    for (const [name, bytes] of out) if (name !== 'model.safetensors') expect(bytes, name).toEqual(files.get(name));
    const [before, after] = [files, out].map((map) => parseRaw(map.get('model.safetensors')!));
    expect(new Map([...after!].sort())).toEqual(new Map([...before!].sort()));
    // A header and pieces of 64 bytes: no tensor was ever whole.
    const header = Number(new DataView(out.get('model.safetensors')!.buffer).getBigUint64(0, true)) + 8;
    expect(largest).toBe(header);
  });

  it('cuts weights into shards with an index that loaders follow, one large tensor to itself', async () => {
    const files = tinyCheckpoint({ dtype: 'BF16' });
    const { files: out } = await copied(files, { maxShardBytes: 300 });
    const index = JSON.parse(text(out.get('model.safetensors.index.json'))) as {
      metadata: { total_size: number };
      weight_map: Record<string, string>;
    };
    const shards = [...out.keys()].filter((name) => name.endsWith('.safetensors')).sort();
    shards.forEach((name, i) => {
      expect(name).toBe(
        `model-${String(i + 1).padStart(5, '0')}-of-${String(shards.length).padStart(5, '0')}.safetensors`,
      );
    });
    expect(out.has('model.safetensors')).toBe(false);
    let total = 0;
    const names: string[] = [];
    for (const shard of shards) {
      const tensors = parseSafetensors(out.get(shard)!);
      const bytes = [...tensors.values()].reduce((sum, tensor) => sum + tensor.bytes.byteLength, 0);
      expect(bytes <= 300 || tensors.size === 1).toBe(true);
      total += bytes;
      for (const name of tensors.keys()) {
        expect(index.weight_map[name]).toBe(shard);
        names.push(name);
      }
    }
    expect(index.metadata.total_size).toBe(total);
    expect(Object.keys(index.weight_map)).toEqual([...names].sort());
    const [before, after] = await Promise.all([files, out].map((map) => openModel(memoryFiles('dir', map))));
    for (const name of before!.weights.names) {
      expect(await after!.weights.readF32(name)).toEqual(await before!.weights.readF32(name));
    }
  });

  it('keeps the layers of a model in their order over the shards', async () => {
    const names = ['10', '2', '1', '0'].map((layer) => `model.layers.${layer}.mlp.up_proj.weight`);
    const tensors = names.map((name) => ({ name, shape: [64], read: async () => new Float32Array(64) }));
    const { config } = await openModel(memoryFiles('dir', tinyCheckpoint()));
    const { files } = await write({ config, tensors, sideFiles: new Map(), maxShardBytes: 256 });
    const map = (JSON.parse(text(files.get('model.safetensors.index.json'))) as { weight_map: object }).weight_map;
    expect(Object.entries(map)).toEqual(
      [...names]
        .sort()
        .map((name) => [name, `model-0000${[...names].reverse().indexOf(name) + 1}-of-00004.safetensors`]),
    );
  });

  it('rounds f32 to the type asked for, in pieces or whole, aligned whatever the mixture', async () => {
    const values = Float32Array.of(1, 1.00390625, 1.01171875, -65504, 3.3895e38 / 4, 6e-8, 0.1);
    const piecewise = (name: string, dtype: 'BF16' | 'F16', data: Float32Array): TensorSource => ({
      name,
      dtype,
      shape: [data.length],
      async *read() {
        for (let i = 0; i < data.length; i += 2) yield data.subarray(i, i + 2);
      },
    });
    const halves = values.filter((value) => Math.abs(value) < 65520);
    const { config } = await openModel(memoryFiles('dir', tinyCheckpoint()));
    const { files } = await write({
      config,
      tensors: [
        { name: 'c', shape: [7], read: async () => values },
        piecewise('b', 'BF16', values),
        piecewise('a', 'F16', halves),
      ],
      sideFiles: new Map(),
    });
    const tensors = parseSafetensors(files.get('model.safetensors')!);
    const words = (name: string): number[] => [...new Uint16Array(tensors.get(name)!.bytes.slice().buffer)];
    expect([...new Float32Array(tensors.get('c')!.bytes.slice().buffer)]).toEqual([...values]);
    // 1 + 2^-8 lies between two bf16 and goes to the even one below, 1 + 3 * 2^-8 to the even one above.
    expect(words('b')).toEqual([0x3f80, 0x3f80, 0x3f82, 0xc780, 0x7e7f, 0x3381, 0x3dcd]);
    expect(words('a')).toEqual([0x3c00, 0x3c04, 0x3c0c, 0xfbff, 0x0001, 0x2e66]);
  });

  it('refuses a number that f16 cannot hold instead of writing infinity', async () => {
    const { config } = await openModel(memoryFiles('dir', tinyCheckpoint()));
    const tensors = [{ name: 'w', shape: [2], dtype: 'F16' as const, read: async () => Float32Array.of(1, 70000) }];
    await expect(write({ config, tensors, sideFiles: new Map() })).rejects.toThrow(
      'saving w: expected values within the range of F16, got 70000',
    );
  });

  it.each([
    ['few', [3]],
    ['many', [3, 3]],
  ])('refuses a source that gives too %s elements', async (_, pieces) => {
    const { config } = await openModel(memoryFiles('dir', tinyCheckpoint()));
    const source: TensorSource = {
      name: 'w',
      shape: [4],
      async *read() {
        for (const size of pieces) yield new Float32Array(size);
      },
    };
    await expect(write({ config, tensors: [source], sideFiles: new Map() })).rejects.toMatchObject({
      code: 'shape',
    });
  });

  it('changes nothing in config.json but the type of the weights', async () => {
    const original =
      '{\n "torch_dtype": "float32", "rms_norm_eps": 1e-06,\n "rope_theta": 500000.0, "x": {"dtype": "int8"}}';
    const json = original.replace(
      '{\n',
      `{\n ${JSON.stringify(TINY_CONFIG_JSON).slice(1, -1).replace(',"torch_dtype":"float32"', '')},`,
    );
    const files = tinyCheckpoint().set('config.json', new TextEncoder().encode(json));
    const model = await openModel(memoryFiles('dir', files));
    const tensors = model.weights.names.map((name) => ({
      name,
      shape: model.weights.entry(name).shape,
      dtype: 'BF16' as const,
      read: () => model.weights.readF32(name),
    }));
    const { files: out } = await write({
      config: model.config,
      tensors,
      sideFiles: await readSideFiles(model.files),
    });
    expect(text(out.get('config.json'))).toBe(json.replace('"torch_dtype": "float32"', '"torch_dtype": "bfloat16"'));
    expect((await openModel(memoryFiles('out', out))).config).toEqual(model.config);
    const other = { ...model.config, eosTokenIds: [2] };
    const changed = await write({ config: other, tensors, sideFiles: await readSideFiles(model.files) });
    expect(JSON.parse(text(changed.files.get('config.json')))).toMatchObject({
      eos_token_id: 2,
      torch_dtype: 'bfloat16',
    });
  });
});

function parseRaw(file: Uint8Array): Map<string, unknown> {
  const length = Number(new DataView(file.buffer, file.byteOffset).getBigUint64(0, true));
  const json = JSON.parse(new TextDecoder().decode(file.subarray(8, 8 + length))) as Record<
    string,
    { dtype: string; shape: number[]; data_offsets: [number, number] }
  >;
  return new Map(
    Object.entries(json)
      .filter(([name]) => name !== '__metadata__')
      .map(
        ([
          name,
          {
            dtype,
            shape,
            data_offsets: [begin, end],
          },
        ]) => [name, { dtype, shape, bytes: [...file.subarray(8 + length + begin, 8 + length + end)] }],
      ),
  );
}
