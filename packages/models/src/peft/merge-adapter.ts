import { ToolError } from '@dawngrad/tensor';
import type { DecoderConfig } from '../config/decoder-config.ts';
import { weightSpecs } from '../decoder/weight-specs.ts';
import type { TensorChunk } from '../io/safetensors.ts';
import type { FloatDType, TensorSource } from '../io/tensor-source.ts';
import type { WeightIndex } from '../io/weight-index.ts';
import type { OpenAdapter } from './open-adapter.ts';
import { fitAdapter } from './open-adapter.ts';

/** A change of one matrix W [out, in]: scale B A with a = A [rank, in] and b = B [out, rank]. */
export interface LowRankUpdate {
  readonly rank: number;
  readonly scale: number;
  readonly a: Float32Array;
  readonly b: Float32Array;
}

/** Updates of linears, by name without `.weight`; `LoraAdapters` is one. */
export interface LowRankUpdates {
  has(linear: string): boolean;
  readUpdate(linear: string): Promise<LowRankUpdate>;
}

/** The updates of an adapter on its base. An adapter for another base: ToolError 'config'. */
export function adapterUpdates(adapter: OpenAdapter, config: DecoderConfig, weights: WeightIndex): LowRankUpdates {
  const places = fitAdapter(adapter, config, weights);
  const { factors, file } = adapter;
  return {
    has: (linear) => places.has(linear),
    async readUpdate(linear) {
      const { a, b } = factors.get(linear)!;
      return { ...places.get(linear)!, a: await file.readF32(a), b: await file.readF32(b) };
    },
  };
}

/**
 * The weights of a model with updates merged in: W + scale B A in double precision, rounded once to the type that W is
 * stored in, or to `dtype`. Every other weight is copied as it lies in the file, or rounded to `dtype`. Nothing is
 * read before its turn comes; the same files give the same bytes on every machine.
 */
export function mergedTensors(
  config: DecoderConfig,
  weights: WeightIndex,
  updates: LowRankUpdates,
  dtype?: FloatDType,
): TensorSource[] {
  const own = new Set(weightSpecs(config).map(({ name }) => name));
  return weights.names.map((name): TensorSource => {
    const { shape, dtype: stored } = weights.entry(name);
    const wanted = dtype ?? (stored as FloatDType);
    const linear = name.endsWith('.weight') ? name.slice(0, -'.weight'.length) : name;
    if (own.has(name) && updates.has(linear)) {
      return {
        name,
        shape,
        dtype: wanted,
        read: () => mergedPieces(name, shape, weights, updates.readUpdate(linear), wanted),
      };
    }
    // What is no weight of the model, such as a stored table of rotary angles, is no matter of its types either.
    if (wanted === stored || !own.has(name))
      return { name, shape, dtype: stored, chunks: () => rawPieces(weights, name) };
    return { name, shape, dtype: wanted, read: () => floatPieces(weights, name) };
  });
}

async function* mergedPieces(
  name: string,
  shape: readonly number[],
  weights: WeightIndex,
  update: Promise<LowRankUpdate>,
  dtype: FloatDType,
): AsyncGenerator<Float32Array> {
  const resolved = await update;
  for await (const chunk of weights.readF32Chunks(name)) {
    const merged = mergeRows(chunk, shape[1]!, resolved, dtype);
    const bad = firstBad(merged);
    if (bad >= 0) {
      throw new ToolError('failed', {
        op: `merging ${name}`,
        expected: 'finite weights',
        got: `${merged[bad]} in row ${Math.floor((chunk.start + bad) / shape[1]!)}`,
      });
    }
    yield merged;
  }
}

/**
 * Elements of W + scale B A from `start` on, where W has `width` columns. Products of two f32 are exact in double
 * precision; the sum over the rank runs from the first to the last. For a 16-bit type the result is rounded to odd:
 * rounding that to nearest is then as if the exact sum had been rounded once (Boldo and Melquiond, 2008).
 */
export function mergeRows(
  { start, data }: TensorChunk,
  width: number,
  { rank, scale, a, b }: LowRankUpdate,
  dtype: FloatDType,
): Float32Array {
  const out = new Float32Array(data.length);
  const sums = new Float64Array(width);
  for (let at = 0; at < data.length; ) {
    const row = Math.floor((start + at) / width);
    const column = (start + at) % width;
    const count = Math.min(width - column, data.length - at);
    sums.set(data.subarray(at, at + count));
    const factor = (r: number): number => scale * b[row * rank + r]!;
    let r = 0;
    // Four at a time keep the sum in a register: a third of the time of one by one, in the same order.
    for (; r + 4 <= rank; r += 4) {
      const [f0, f1, f2, f3] = [factor(r), factor(r + 1), factor(r + 2), factor(r + 3)];
      const a0 = r * width + column;
      const [a1, a2, a3] = [a0 + width, a0 + 2 * width, a0 + 3 * width];
      for (let i = 0; i < count; i++) {
        sums[i] = sums[i]! + f0 * a[a0 + i]! + f1 * a[a1 + i]! + f2 * a[a2 + i]! + f3 * a[a3 + i]!;
      }
    }
    for (; r < rank; r++) {
      const [f, from] = [factor(r), r * width + column];
      for (let i = 0; i < count; i++) sums[i]! += f * a[from + i]!;
    }
    for (let i = 0; i < count; i++) out[at + i] = sums[i]!;
    if (dtype !== 'F32') roundToOdd(sums, out.subarray(at, at + count));
    at += count;
  }
  return out;
}

/** Finite `values` rounded to f32 toward zero with the last bit set where that was inexact. `out` holds the nearest. */
function roundToOdd(values: Float64Array, out: Float32Array): void {
  const bits = new Uint32Array(out.buffer, out.byteOffset, out.length);
  for (let i = 0; i < out.length; i++) {
    const exact = values[i]!;
    const nearest = out[i]!;
    // Numbers instead of branches, which would be mispredicted half of the time.
    bits[i] = (bits[i]! - Number(Math.abs(nearest) > Math.abs(exact))) | Number(exact !== nearest);
  }
}

/** The first element that is not finite, or -1. */
function firstBad(values: Float32Array): number {
  for (let i = 0; i < values.length; i++) if (values[i]! - values[i]! !== 0) return i;
  return -1;
}

async function* rawPieces(weights: WeightIndex, name: string): AsyncGenerator<Uint8Array> {
  for await (const { bytes } of weights.readChunks(name)) yield bytes;
}

async function* floatPieces(weights: WeightIndex, name: string): AsyncGenerator<Float32Array> {
  for await (const { data } of weights.readF32Chunks(name)) yield data;
}
