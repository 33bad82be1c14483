import { ToolError } from '@dawngrad/tensor';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ByteSource } from '../../src/io/byte-source.ts';
import { memorySource } from '../../src/io/memory-files.ts';
import { SafetensorsFile } from '../../src/io/safetensors.ts';
import { safetensorsSize, type TensorSource, writeSafetensors } from '../../src/io/safetensors-writer.ts';
import { joinBytes, makeSafetensors } from './make-safetensors.ts';

function tensorOf(name: string, shape: readonly number[], values: Float32Array): TensorSource {
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
