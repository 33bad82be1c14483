import { ToolError } from '@dawngrad/tensor';
import { type ByteSource, type ModelFiles, readUtf8 } from './byte-source.ts';

/** A byte source over bytes already in memory. */
export function memorySource(name: string, bytes: Uint8Array): ByteSource {
  return {
    name,
    size: bytes.byteLength,
    async read(offset, length) {
      if (offset < 0 || length < 0 || offset + length > bytes.byteLength) {
        throw new ToolError('corrupt', {
          op: name,
          expected: `${length} bytes at offset ${offset}`,
          got: `a file of ${bytes.byteLength} bytes`,
        });
      }
      return new Uint8Array(bytes.subarray(offset, offset + length));
    },
  };
}

/** Model files that were fetched or made in memory: what a page in a browser passes to the loaders. */
export function memoryFiles(label: string, entries: ReadonlyMap<string, Uint8Array>): ModelFiles {
  const open = async (name: string): Promise<ByteSource> => {
    const bytes = entries.get(name);
    if (bytes === undefined) {
      throw new ToolError('config', { op: label, expected: `a file ${name}`, got: 'none' });
    }
    return memorySource(name, bytes);
  };
  return {
    label,
    list: async () => [...entries.keys()].sort(),
    open,
    readText: async (name, capBytes) => readUtf8(await open(name), capBytes),
  };
}
