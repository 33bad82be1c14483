import { ToolError } from '@dawngrad/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../../src/io/byte-source.ts';
import { memorySource } from '../../src/io/memory-files.ts';
import { SafetensorsFile } from '../../src/io/safetensors.ts';
import { safetensorsSize, writeSafetensors } from '../../src/io/safetensors-writer.ts';
import type { FloatTensorSource, TensorSource } from '../../src/io/tensor-source.ts';
import { joinBytes, makeSafetensors } from './make-safetensors.ts';

function tensorOf(name: string, shape: readonly number[], values: Float32Array): FloatTensorSource {
  return { name, shape, read: async () => values };
}

async function written(tensors: readonly TensorSource[], metadata?: Record<string, string>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  await writeSafetensors({ write: async (bytes) => void parts.push(bytes.slice()) }, tensors, metadata);
  return joinBytes(...parts);
}

describe('writeSafetensors', () => {
  it('makes files that read back to equal bits, for any names and shapes', async () => {
    const shape = fc.array(fc.nat(5), { maxLength: 3 });
    const tensors = fc.uniqueArray(fc.tuple(fc.string({ unit: 'binary' }), shape), { selector: ([name]) => name });
    await fc.assert(
      fc.asyncProperty(tensors, fc.nat(), async (list, seed) => {
        const sources = list
          .filter(([name]) => name !== '__metadata__')
          .map(([name, dims], i) => {
            const count = dims.reduce((product, dim) => product * dim, 1);
            return tensorOf(
              name,
              dims,
              Float32Array.from({ length: count }, (_, k) => Math.sin(seed + i + k)),
            );
          });
        const bytes = await written(sources, { seed: `${seed}` });
        expect(safetensorsSize(sources, { seed: `${seed}` })).toBe(bytes.byteLength);
        const file = await SafetensorsFile.open(memorySource('m', bytes));
        expect(file.metadata.get('seed')).toBe(`${seed}`);
        expect(file.tensors.size).toBe(sources.length);
        for (const source of sources) {
          expect(file.entry(source.name).shape).toEqual(source.shape);
          expect(await file.readF32(source.name)).toEqual(await source.read());
        }
      }),
      { numRuns: 100 },
    );
  });

  it('gives equal bytes whatever the order, with data aligned to 8 bytes', async () => {
    const a = tensorOf('a', [3], Float32Array.of(1, 2, 3));
    const b = tensorOf('b', [1], Float32Array.of(4));
    const bytes = await written([b, a]);
    expect(bytes).toEqual(await written([a, b]));
    const file = await SafetensorsFile.open(memorySource('m', bytes));
    expect(file.entry('a').begin % 8).toBe(0);
    expect([...file.tensors.keys()]).toEqual(['a', 'b']);
  });

  it('refuses a repeated name and data that do not fill the shape', async () => {
    const a = tensorOf('a', [2], Float32Array.of(1, 2));
    await expect(written([a, a])).rejects.toMatchObject({ code: 'usage' });
    await expect(written([tensorOf('a', [2], Float32Array.of(1))])).rejects.toThrow('2 elements for a [2], got 1');
  });
});

describe('SafetensorsFile', () => {
  /** Counts what is asked of it: proof that a file is never read whole. */
  function counting(source: ByteSource): ByteSource & { largest: number } {
    const counted = {
      name: source.name,
      size: source.size,
      largest: 0,
      read(offset: number, length: number) {
        counted.largest = Math.max(counted.largest, length);
        return source.read(offset, length);
      },
    };
    return counted;
  }

  it('reads tensors in pieces of the size asked for', async () => {
    const values = Float32Array.from({ length: 1000 }, (_, i) => i);
    const source = counting(memorySource('m', await written([tensorOf('w', [1000], values)])));
    const file = await SafetensorsFile.open(source);
    source.largest = 0;
    const starts: number[] = [];
    const seen = new Float32Array(1000);
    for await (const { start, data } of file.readF32Chunks('w', 1024)) {
      starts.push(start);
      seen.set(data, start);
    }
    expect(starts).toEqual([0, 256, 512, 768]);
    expect(source.largest).toBe(1024);
    expect(seen).toEqual(values);
  });

  it('gives the bytes of any dtype in pieces of whole words, however small the pieces asked for', async () => {
    const header =
      '{"b":{"dtype":"BF16","shape":[7],"data_offsets":[0,14]},"i":{"dtype":"I8","shape":[5],"data_offsets":[14,19]},' +
      '"e":{"dtype":"F32","shape":[0,3],"data_offsets":[19,19]},"l":{"dtype":"I64","shape":[2],"data_offsets":[19,35]}}';
    const bytes = Uint8Array.from({ length: 35 }, (_, i) => i);
    const file = await SafetensorsFile.open(memorySource('m', makeSafetensors(header, bytes)));
    const pieces = async (name: string, chunkBytes: number): Promise<[number, number[], string][]> => {
      const found: [number, number[], string][] = [];
      for await (const { start, bytes: piece, dtype } of file.readChunks(name, chunkBytes)) {
        found.push([start, [...piece], dtype]);
      }
      return found;
    };
    expect(await pieces('b', 9)).toEqual([
      [0, [0, 1, 2, 3, 4, 5, 6, 7], 'BF16'],
      [4, [8, 9, 10, 11, 12, 13], 'BF16'],
    ]);
    expect(await pieces('i', 1)).toEqual([
      [0, [14, 15, 16, 17], 'I8'],
      [4, [18], 'I8'],
    ]);
    expect(await pieces('l', 1)).toHaveLength(2);
    expect(await pieces('e', 100)).toEqual([]);
  });

  it('reads one piece ahead and reports a failing read once, where it is asked for', async () => {
    const whole = memorySource('m', await written([tensorOf('w', [4], Float32Array.of(1, 2, 3, 4))]));
    const begin = whole.size - 16;
    const offsets: number[] = [];
    const source: ByteSource = {
      ...whole,
      read: async (offset, length) => {
        offsets.push(offset - begin);
        if (offset === begin + 8) throw new ToolError('io', { op: 'm', expected: 'to read', got: 'EIO' });
        return whole.read(offset, length);
      },
    };
    const file = await SafetensorsFile.open(source);
    offsets.length = 0;
    const chunks = file.readChunks('w', 4);
    expect((await chunks.next()).value?.start).toBe(0);
    expect(offsets).toEqual([0, 4]);
    expect((await chunks.next()).value?.start).toBe(1);
    expect(offsets).toEqual([0, 4, 8]);
    await expect(chunks.next()).rejects.toMatchObject({ code: 'io' });
    const stopped = file.readChunks('w', 8);
    await stopped.next();
    await stopped.return(undefined);
  });

  it('widens F16 and BF16 to f32', async () => {
    const header =
      '{"h":{"dtype":"F16","shape":[3],"data_offsets":[0,6]},"b":{"dtype":"BF16","shape":[1,2],"data_offsets":[6,10]}}';
    const words = Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x3f80, 0xc020);
    const file = await SafetensorsFile.open(memorySource('m', makeSafetensors(header, new Uint8Array(words.buffer))));
    expect([...(await file.readF32('h'))]).toEqual([1, -2, 2 ** -24]);
    expect([...(await file.readF32('b'))]).toEqual([1, -2.5]);
  });

  it('keeps integers raw and refuses to read them as floats', async () => {
    const header = '{"i":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}';
    const file = await SafetensorsFile.open(
      memorySource('m', makeSafetensors(header, Uint8Array.of(5, 0, 0, 0, 0, 0, 0, 1))),
    );
    expect([...(await file.readRaw('i'))]).toEqual([5, 0, 0, 0, 0, 0, 0, 1]);
    await expect(file.readF32('i')).rejects.toThrow('i in F32, F16 or BF16, got I64');
  });

  it('names a tensor that is not there', async () => {
    const file = await SafetensorsFile.open(memorySource('m', makeSafetensors('{}')));
    await expect(file.readF32('w')).rejects.toThrow(ToolError);
    await expect(file.readF32('w')).rejects.toThrow('m: expected a tensor w');
  });
});
