import { ToolError } from '@dawngrad/tensor';
import type { ByteSink } from './byte-source.ts';

/** A tensor to be saved. `read` is called once, when its turn comes, so that one tensor at a time is on the host. */
export interface TensorSource {
  readonly name: string;
  readonly shape: readonly number[];
  /** The elements in row-major order, as many as the shape holds. */
  read(): Promise<Float32Array>;
}

/** Size in bytes of the file that `writeSafetensors` makes. */
export function safetensorsSize(tensors: readonly TensorSource[], metadata?: Readonly<Record<string, string>>): number {
  return (
    makeHeader(tensors, metadata).byteLength + tensors.reduce((sum, { shape }) => sum + 4 * elementCount(shape), 0)
  );
}

/**
 * Writes F32 tensors front to back, sorted by name: equal tensors give equal bytes whatever their order here.
 * The header is padded with spaces to a multiple of 8, so that data are aligned. The caller closes the sink.
 */
export async function writeSafetensors(
  sink: ByteSink,
  tensors: readonly TensorSource[],
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  await sink.write(makeHeader(tensors, metadata));
  for (const tensor of sortedByName(tensors)) {
    const { name, shape } = tensor;
    const data = await tensor.read();
    if (data.length !== elementCount(shape)) {
      throw new ToolError('shape', {
        op: 'writeSafetensors',
        expected: `${elementCount(shape)} elements for ${name} [${shape}]`,
        got: `${data.length}`,
      });
    }
    await sink.write(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
}

function makeHeader(tensors: readonly TensorSource[], metadata?: Readonly<Record<string, string>>): Uint8Array {
  const seen = new Set<string>();
  const parts: string[] = [];
  if (metadata !== undefined) {
    const sorted = Object.entries(metadata).sort(([a], [b]) => compare(a, b));
    // Entries are joined as text: an object would drop a tensor that is called __proto__.
    parts.push(`"__metadata__":{${sorted.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(',')}}`);
  }
  let offset = 0;
  for (const { name, shape } of sortedByName(tensors)) {
    if (seen.has(name) || name === '__metadata__') {
      throw new ToolError('usage', { op: 'writeSafetensors', expected: 'each name once', got: `${name} again` });
    }
    seen.add(name);
    const end = offset + 4 * elementCount(shape);
    parts.push(`${JSON.stringify(name)}:{"dtype":"F32","shape":[${shape}],"data_offsets":[${offset},${end}]}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`);
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, 8);
  return header;
}

function sortedByName(tensors: readonly TensorSource[]): readonly TensorSource[] {
  return [...tensors].sort((a, b) => compare(a.name, b.name));
}

/** Order by code unit: the same on every machine, unlike localeCompare. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}
