import { ToolError } from '@dawngrad/tensor';
import type { ByteSink } from './byte-source.ts';
import { elementBytes } from './safetensors-header.ts';
import { sourceBytes, sourceChunks, sourceDType, type TensorSource } from './tensor-source.ts';

/** Size in bytes of the file that `writeSafetensors` makes. */
export function safetensorsSize(tensors: readonly TensorSource[], metadata?: Readonly<Record<string, string>>): number {
  return tensors.reduce((sum, tensor) => sum + sourceBytes(tensor), makeHeader(tensors, metadata).byteLength);
}

/**
 * Writes tensors front to back, wide elements first and then by name: equal tensors give equal bytes whatever their
 * order here, and every tensor is aligned to its elements, as huggingface/safetensors itself orders them. The header
 * is padded with spaces to a multiple of 8. The caller closes the sink.
 */
export async function writeSafetensors(
  sink: ByteSink,
  tensors: readonly TensorSource[],
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  await sink.write(makeHeader(tensors, metadata));
  for (const tensor of inFileOrder(tensors)) {
    for await (const bytes of sourceChunks(tensor)) await sink.write(bytes);
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
  for (const tensor of inFileOrder(tensors)) {
    const { name, shape } = tensor;
    if (seen.has(name) || name === '__metadata__') {
      throw new ToolError('usage', { op: 'writeSafetensors', expected: 'each name once', got: `${name} again` });
    }
    seen.add(name);
    const end = offset + sourceBytes(tensor);
    const dtype = sourceDType(tensor);
    parts.push(`${JSON.stringify(name)}:{"dtype":"${dtype}","shape":[${shape}],"data_offsets":[${offset},${end}]}`);
    offset = end;
  }
  const json = new TextEncoder().encode(`{${parts.join(',')}}`);
  const padded = Math.ceil(json.byteLength / 8) * 8;
  const header = new Uint8Array(8 + padded).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(padded), true);
  header.set(json, 8);
  return header;
}

function inFileOrder(tensors: readonly TensorSource[]): readonly TensorSource[] {
  const width = (tensor: TensorSource): number => elementBytes(sourceDType(tensor));
  return [...tensors].sort((a, b) => width(b) - width(a) || compare(a.name, b.name));
}

/** Order by code unit: the same on every machine, unlike localeCompare. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
