import { ToolError } from '@dawngrad/tensor';
import type { ByteSource } from './byte-source.ts';
import { widenBf16, widenF16 } from './float-formats.ts';
import {
  elementBytes,
  headerLength,
  parseHeader,
  type SafetensorsDType,
  type SafetensorsHeader,
  type TensorEntry,
} from './safetensors-header.ts';

/** Bytes fetched at a time: small beside any weight matrix that matters, large beside the cost of a read. */
const CHUNK_BYTES = 4 << 20;

/** Part of a tensor as f32: `data` starts at element `start` of the flattened tensor. */
export interface TensorChunk {
  readonly start: number;
  readonly data: Float32Array<ArrayBuffer>;
}

/** Part of a tensor as it lies in the file: `bytes` are whole elements from element `start` of the flattened tensor. */
export interface RawChunk {
  readonly start: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly dtype: SafetensorsDType;
}

/**
 * One safetensors file. Only the header is held in memory; tensors are read piece by piece from their spans.
 * Every malformed header ends in ToolError 'corrupt' that names the file and what is wrong.
 */
export class SafetensorsFile {
  readonly name: string;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly #source: ByteSource;

  private constructor(source: ByteSource, header: SafetensorsHeader) {
    this.name = source.name;
    this.tensors = header.tensors;
    this.metadata = header.metadata;
    this.#source = source;
  }

  static async open(source: ByteSource): Promise<SafetensorsFile> {
    if (source.size < 8) {
      throw new ToolError('corrupt', { op: source.name, expected: 'a safetensors file', got: `${source.size} bytes` });
    }
    const length = headerLength(source.name, await source.read(0, 8), source.size);
    return new SafetensorsFile(source, parseHeader(source.name, await source.read(8, length), source.size));
  }

  /** Throws ToolError 'corrupt' when the file has no tensor `name`. */
  entry(name: string): TensorEntry {
    const entry = this.tensors.get(name);
    if (entry === undefined) {
      throw new ToolError('corrupt', { op: this.name, expected: `a tensor ${name}`, got: 'none of that name' });
    }
    return entry;
  }

  /**
   * A tensor in its stored form, whatever its dtype, front to back. Each piece holds at most `chunkBytes` (at least one
   * word of 4 bytes) and, but for the last, whole words; the next is read while the caller works on this one.
   */
  async *readChunks(name: string, chunkBytes: number = CHUNK_BYTES): AsyncGenerator<RawChunk> {
    const { dtype, begin, end } = this.entry(name);
    const width = elementBytes(dtype);
    const word = Math.max(4, width);
    const step = Math.max(word, Math.floor(chunkBytes / word) * word);
    const fetch = (offset: number): Promise<Uint8Array<ArrayBuffer>> | undefined => {
      if (offset >= end) return undefined;
      const reading = this.#source.read(offset, Math.min(step, end - offset));
      // A caller that stops early never awaits the piece read ahead; its failure then is nobody's concern.
      reading.catch(() => undefined);
      return reading;
    };
    let ahead = fetch(begin);
    for (let offset = begin; ahead !== undefined; offset += step) {
      const bytes = await ahead;
      ahead = fetch(offset + step);
      yield { start: (offset - begin) / width, bytes, dtype };
    }
  }

  /** A float tensor (F32, F16, BF16) as f32, in pieces of at most `chunkBytes` of the file. */
  async *readF32Chunks(name: string, chunkBytes?: number): AsyncGenerator<TensorChunk> {
    const widen = wideningOf(this.name, this.entry(name));
    for await (const { start, bytes } of this.readChunks(name, chunkBytes)) yield { start, data: widen(bytes) };
  }

  /** A whole float tensor as f32, flattened in row-major order. */
  async readF32(name: string): Promise<Float32Array<ArrayBuffer>> {
    const entry = this.entry(name);
    const out = new Float32Array((entry.end - entry.begin) / elementBytes(entry.dtype));
    for await (const { start, data } of this.readF32Chunks(name)) out.set(data, start);
    return out;
  }

  /** The bytes of a tensor as they lie in the file. */
  async readRaw(name: string): Promise<Uint8Array<ArrayBuffer>> {
    const entry = this.entry(name);
    return this.#source.read(entry.begin, entry.end - entry.begin);
  }
}

function wideningOf(file: string, entry: TensorEntry): (bytes: Uint8Array<ArrayBuffer>) => Float32Array<ArrayBuffer> {
  switch (entry.dtype) {
    case 'F32':
      return (bytes) => new Float32Array(aligned(bytes, 4));
    case 'F16':
      return (bytes) => widened(bytes, widenF16);
    case 'BF16':
      return (bytes) => widened(bytes, widenBf16);
    default:
      throw new ToolError('config', {
        op: file,
        expected: `${entry.name} in F32, F16 or BF16`,
        got: entry.dtype,
        hint: 'Quantised and double-precision checkpoints are not supported.',
      });
  }
}

function widened(
  bytes: Uint8Array<ArrayBuffer>,
  widen: (words: Uint16Array, out: Float32Array) => void,
): Float32Array<ArrayBuffer> {
  const out = new Float32Array(bytes.byteLength / 2);
  widen(new Uint16Array(aligned(bytes, 2)), out);
  return out;
}

/** The buffer of exactly these bytes: copied only when the view starts or ends elsewhere. */
export function aligned(bytes: Uint8Array<ArrayBuffer>, width: number): ArrayBuffer {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return whole && bytes.byteLength % width === 0 ? bytes.buffer : bytes.slice().buffer;
}
