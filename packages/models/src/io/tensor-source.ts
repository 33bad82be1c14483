import { formatShape, ToolError } from '@dawngrad/tensor';
import { firstOverflow, narrowBf16, narrowF16 } from './float-formats.ts';
import { elementBytes, type SafetensorsDType } from './safetensors-header.ts';

/** Element types that weights are stored in. */
export type FloatDType = 'F32' | 'F16' | 'BF16';

interface NamedTensor {
  readonly name: string;
  readonly shape: readonly number[];
}

/** Values as f32, rounded to `dtype` when they are written. */
export interface FloatTensorSource extends NamedTensor {
  /** Default F32. */
  readonly dtype?: FloatDType;
  /** The elements in row-major order, at once or in pieces. Called once, when its turn comes. */
  read(): Promise<Float32Array> | AsyncIterable<Float32Array>;
}

/** Bytes that are written as they are, whatever their dtype. */
export interface StoredTensorSource extends NamedTensor {
  readonly dtype: SafetensorsDType;
  /** The bytes of the elements in row-major order, little-endian, in pieces. Called once, when its turn comes. */
  chunks(): AsyncIterable<Uint8Array>;
}

/** A tensor to be saved. Only the tensor, or the piece of one, that is being written is on the host. */
export type TensorSource = FloatTensorSource | StoredTensorSource;

export function sourceDType(source: TensorSource): SafetensorsDType {
  return source.dtype ?? 'F32';
}

/** Bytes of a tensor in the file. */
export function sourceBytes(source: TensorSource): number {
  return elementBytes(sourceDType(source)) * source.shape.reduce((product, dim) => product * dim, 1);
}

/** The bytes of a tensor for the file. Fewer or more than its shape holds: ToolError 'shape'. */
export async function* sourceChunks(source: TensorSource): AsyncGenerator<Uint8Array> {
  const { name, shape } = source;
  const width = elementBytes(sourceDType(source));
  const expected = sourceBytes(source);
  let written = 0;
  for await (const bytes of 'chunks' in source ? source.chunks() : floatChunks(source)) {
    written += bytes.byteLength;
    if (written > expected) break;
    yield bytes;
  }
  if (written === expected) return;
  throw new ToolError('shape', {
    op: 'writeSafetensors',
    expected: `${expected / width} elements for ${name} ${formatShape(shape)}`,
    got: written > expected ? 'more' : `${written / width}`,
  });
}

async function* floatChunks(source: FloatTensorSource): AsyncGenerator<Uint8Array> {
  const { name, dtype = 'F32' } = source;
  const values = source.read();
  if (Symbol.asyncIterator in values) {
    for await (const piece of values) yield encodeFloats(name, piece, dtype);
  } else {
    yield encodeFloats(name, await values, dtype);
  }
}

/** Rounded to the nearest, ties to even. A number that F16 has no finite value for: ToolError 'failed'. */
function encodeFloats(name: string, values: Float32Array, dtype: FloatDType): Uint8Array {
  if (dtype === 'F32') return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  const words = new Uint16Array(values.length);
  if (dtype === 'BF16') narrowBf16(values, words);
  else narrowF16(values, words);
  const lost = firstOverflow(values, words, dtype === 'F16' ? 'f16' : 'bf16');
  if (lost >= 0) {
    throw new ToolError('failed', {
      op: `saving ${name}`,
      expected: `values within the range of ${dtype}`,
      got: `${values[lost]}`,
      hint: dtype === 'F16' ? 'save in BF16 or F32.' : 'save in F32.',
    });
  }
  return new Uint8Array(words.buffer);
}
