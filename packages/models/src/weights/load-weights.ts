import type { Parameters } from '@dawngrad/autograd';
import { type Device, ToolError, type WeightFormat } from '@dawngrad/tensor';
import { widenBf16, widenF16 } from '../io/float-formats.ts';
import type { SafetensorsDType } from '../io/safetensors-header.ts';
import type { WeightIndex } from '../io/weight-index.ts';
import type { WeightSpec } from './base-weights.ts';
import { FrozenWeights, keptFormat } from './frozen-weights.ts';

/** Bytes of a file that are on the host at a time, twice while the next are read. A multiple of `PIECE_ELEMENTS`. */
const CHUNK_BYTES = 8 << 20;
/** Uploads wait in staging buffers until the device has taken them, so it is waited for now and then. */
const BYTES_IN_FLIGHT = 128 << 20;

/** `stored`: each matrix as its file has it. */
export type WantedFormat = WeightFormat | 'stored';

const FORMAT_OF: Partial<Record<SafetensorsDType, 'f32' | 'f16' | 'bf16'>> = { F32: 'f32', F16: 'f16', BF16: 'bf16' };

/** Bytes of the file read so far, of all. */
export type LoadProgress = (done: number, total: number) => void;

/** The float type a weight is stored in. Throws ToolError 'config' for other types. */
export function storedFormat(weights: WeightIndex, name: string): 'f32' | 'f16' | 'bf16' {
  const { dtype } = weights.entry(name);
  const format = FORMAT_OF[dtype];
  if (format !== undefined) return format;
  throw new ToolError('config', {
    op: name,
    expected: 'a weight stored as F32, F16 or BF16',
    got: dtype,
    hint: 'Quantised and double-precision checkpoints are not supported.',
  });
}

/** Streams the weights of a checkpoint to the device: a few megabytes of a file are on the host at a time. */
export async function loadFrozenWeights(
  device: Device,
  specs: readonly WeightSpec[],
  stacks: readonly (readonly string[])[],
  source: WeightIndex,
  wanted: WantedFormat,
  onProgress?: LoadProgress,
): Promise<FrozenWeights> {
  // Buffers of the pool may still be read by waiting launches; uploads may not overtake those.
  await device.flush();
  const weights = new FrozenWeights(device, specs, stacks, (spec) => {
    const stored = storedFormat(source, spec.name);
    return keptFormat(spec, wanted === 'stored' ? stored : wanted, stored);
  });
  try {
    await eachPiece(device, specs, source, onProgress, (name, start, stored, words) => {
      const asStored = words instanceof Uint16Array && weights.format(name) === stored;
      weights.write(name, start, asStored ? words : widened(words, stored));
    });
    return weights;
  } catch (error) {
    weights.dispose();
    throw error;
  }
}

/** Fills parameters with the weights of a checkpoint, widened to f32. */
export async function loadParameters(
  parameters: Parameters,
  specs: readonly WeightSpec[],
  source: WeightIndex,
  onProgress?: LoadProgress,
): Promise<void> {
  const { device } = parameters;
  await device.flush();
  await eachPiece(device, specs, source, onProgress, (name, start, stored, words) => {
    parameters.setRange(name, start, widened(words, stored));
  });
}

type Piece = (name: string, start: number, stored: 'f32' | 'f16' | 'bf16', words: Float32Array | Uint16Array) => void;

async function eachPiece(
  device: Device,
  specs: readonly WeightSpec[],
  source: WeightIndex,
  onProgress: LoadProgress | undefined,
  take: Piece,
): Promise<void> {
  const total = specs.reduce((sum, { name }) => sum + source.entry(name).end - source.entry(name).begin, 0);
  let [done, inFlight] = [0, 0];
  for (const { name } of specs) {
    const stored = storedFormat(source, name);
    for await (const { start, bytes } of source.readChunks(name, CHUNK_BYTES)) {
      take(name, start, stored, stored === 'f32' ? wordsOf(bytes, Float32Array) : wordsOf(bytes, Uint16Array));
      done += bytes.byteLength;
      inFlight += bytes.byteLength;
      if (inFlight >= BYTES_IN_FLIGHT) {
        await device.finish();
        inFlight = 0;
      }
      onProgress?.(done, total);
    }
  }
  await device.finish();
}

function wordsOf<T>(
  bytes: Uint8Array<ArrayBuffer>,
  Words: { new (buffer: ArrayBuffer, offset: number, length: number): T; readonly BYTES_PER_ELEMENT: number },
): T {
  const aligned = bytes.byteOffset % Words.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new Words(aligned.buffer, aligned.byteOffset, aligned.byteLength / Words.BYTES_PER_ELEMENT);
}

function widened(words: Float32Array | Uint16Array, stored: 'f32' | 'f16' | 'bf16'): Float32Array {
  if (words instanceof Float32Array) return words;
  const out = new Float32Array(words.length);
  if (stored === 'bf16') widenBf16(words, out);
  else widenF16(words, out);
  return out;
}
