import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostArray } from '../../src/dtype.ts';
import type { Device } from '../../src/gpu/device.ts';
import { planAttentionDecode } from '../../src/kernels/attention-decode.wgsl.ts';
import { attentionReference } from '../../src/kernels/attention-reference.ts';
import type { HeadDType } from '../../src/kernels/attention-tile.wgsl.ts';
import { openDevice } from '../../src/node.ts';
import { appendToCache, attendCache } from '../../src/ops/kv-cache.ts';
import { launchPlan } from '../../src/ops/launch-plan.ts';
import { normaliseHeads } from '../../src/ops/packed-attention.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { normalArray, refArray } from '../../src/ops/reference.ts';
import { ropeTable, rotateHeads } from '../../src/ops/rope.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { worstError } from '../../src/testing/compare.ts';
import {
  type AttentionCase,
  type AttentionInputs,
  randomInputs,
  referenceInput,
  segments,
} from './attention-harness.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const CAPACITY = 80;
const LENGTHS = [1, 9, 44, 80, 2];

interface DecodeOptions {
  /** Rows of each sequence that the new token may see; default all that the case has. */
  readonly lengths?: readonly number[];
  readonly turned?: boolean;
  readonly normed?: boolean;
  readonly dtype?: HeadDType;
  /** What the cache holds where nothing was written. */
  readonly stale?: number;
}

function angles(width: number): Float32Array<ArrayBuffer> {
  return ropeTable(
    CAPACITY,
    Array.from({ length: width / 2 }, (_, e) => 100 ** ((-2 * e) / width)),
  );
}

const NORM_EPS = 1e-5;

/** Weights of the norms of heads. */
function normWeights(width: number): { query: Float64Array; key: Float64Array } {
  return { query: normalArray(31, [width], 0.3, 1).data, key: normalArray(32, [width], 0.3, 1).data };
}

/** The heads of each row normalised and turned by its place in its sequence, as wanted, in float64. */
function preparedRows(
  test: AttentionCase,
  values: Float32Array,
  which: 'query' | 'key',
  { turned = false, normed = false }: DecodeOptions,
): Float64Array {
  const heads = which === 'query' ? test.heads : test.kvHeads;
  const { start } = segments(test.lengths);
  const positions = Float64Array.from(start, (first, row) => row - first);
  const x = refArray([start.length, heads, test.headDim], values);
  const weight = normWeights(test.headDim)[which];
  // As if all heads were query heads.
  const y = normed ? normaliseHeads(x, [weight, weight], { heads, kvHeads: 0, eps: NORM_EPS }) : x.data;
  if (!turned) return y;
  return rotateHeads(refArray(x.shape, y), positions, Float64Array.from(angles(test.headDim)), heads, false);
}

/** The rows of a packed [N, heads, E] that come last in their sequences of `lengths`. */
function lastRows(test: AttentionCase, values: ArrayLike<number>, width: number, lengths = test.lengths): number[] {
  const rows: number[] = [];
  let first = 0;
  test.lengths.forEach((length, b) => {
    const last = first + lengths[b]! - 1;
    rows.push(...Array.from({ length: width }, (_, i) => values[Math.max(0, last) * width + i]!));
    first += length;
  });
  return rows;
}

/** Fills a cache with all rows but the newest of each sequence, then takes the newest in. */
async function decode(
  test: AttentionCase,
  inputs: AttentionInputs,
  options: DecodeOptions = {},
): Promise<{ o: Float32Array; keys: Float32Array; values: Float32Array }> {
  const { heads, kvHeads, headDim, window = 0, scale = headDim ** -0.5 } = test;
  const { lengths = test.lengths, turned = false, normed = false, dtype = 'f32', stale = 1e3 } = options;
  const batch = test.lengths.length;
  const { rows, start } = segments(test.lengths);
  const kvWidth = kvHeads * headDim;
  return scopeAsync(async () => {
    const floats = (data: ArrayLike<number>, shape: readonly number[], type: HeadDType = 'f32') =>
      Tensor.from(device, Array.from(data), shape, type);
    const words = (data: readonly number[]) => Tensor.from(device, data, [data.length], 'u32');
    const cacheShape = [batch, CAPACITY, kvHeads, headDim];
    const filled = new Float32Array(batch * CAPACITY * kvWidth).fill(stale);
    const cache = { keys: floats(filled, cacheShape, dtype), values: floats(filled, cacheShape, dtype) };
    const cachedKeys = preparedRows(test, inputs.k, 'key', options);
    const kv = Array.from({ length: rows }, (_, row) => [
      ...cachedKeys.subarray(row * kvWidth, (row + 1) * kvWidth),
      ...inputs.v.subarray(row * kvWidth, (row + 1) * kvWidth),
    ]).flat();
    const slots = test.lengths.flatMap((length, b) => new Array<number>(length).fill(b));
    const old = Array.from({ length: rows }, (_, row) => row).filter(
      (row) => row - start[row]! < lengths[slots[row]!]! - 1,
    );
    appendToCache(cache, floats(kv, [rows, 2 * kvHeads, headDim]), {
      source: words(old),
      slot: words(old.map((row) => slots[row]!)),
      position: words(old.map((row) => row - start[row]!)),
    });
    const parts = [lastRows(test, inputs.q, heads * headDim, lengths)];
    for (const data of [inputs.k, inputs.v]) parts.push(lastRows(test, data, kvWidth, lengths));
    const packed = Array.from({ length: batch }, (_, b) =>
      parts.flatMap((part) => part.slice((b * part.length) / batch, ((b + 1) * part.length) / batch)),
    ).flat();
    const qkv = floats(packed, [batch, heads + 2 * kvHeads, headDim]);
    const table = turned ? floats(angles(headDim), [CAPACITY, headDim]) : undefined;
    const weights = normWeights(headDim);
    const norms = normed
      ? { query: floats(weights.query, [headDim]), key: floats(weights.key, [headDim]), eps: NORM_EPS }
      : undefined;
    const attrs = { heads, kvHeads, scale, window };
    let o: Tensor;
    if (test.adapterClass === undefined || test.adapterClass === device.adapterClass) {
      o = attendCache(qkv, cache, words(lengths), attrs, table, norms);
    } else {
      // The tiles of another class of adapter, which the op would not choose here.
      const { adapterClass } = test;
      o = Tensor.empty(device, [batch, heads, headDim], 'f32', 'test/decode');
      const normEps = norms?.eps;
      const plan = planAttentionDecode({
        ...{ batch, headDim, capacity: CAPACITY, dtype, turned, normEps, adapterClass },
        ...attrs,
      });
      const optional = [...(table ? [table] : []), ...(norms ? [norms.query, norms.key] : [])];
      launchPlan(plan, [qkv, words(lengths), ...optional], [cache.keys, cache.values, o]);
    }
    const [out, keys, values] = (await readAll([o, cache.keys, cache.values])) as Float32Array[];
    return { o: out!, keys: keys!, values: values! };
  });
}

function expectedOutput(test: AttentionCase, inputs: AttentionInputs, options: DecodeOptions): number[] {
  const input = referenceInput(test, inputs);
  const q = preparedRows(test, inputs.q, 'query', options);
  const k = preparedRows(test, inputs.k, 'key', options);
  return lastRows(test, attentionReference({ ...input, q, k }).o, test.heads * test.headDim);
}

describe.each(['cpu', 'gpu'] as const)('cached attention with the %s tiles', (adapterClass) => {
  it.each<[string, Partial<AttentionCase>, DecodeOptions?]>([
    ['head width 8, two query heads a kv head', { heads: 8, kvHeads: 4, headDim: 8 }],
    ['head width 16', { heads: 4, kvHeads: 4, headDim: 16 }],
    ['an odd head width', { headDim: 7 }],
    ['seven query heads a kv head', { heads: 14, kvHeads: 2 }, { turned: true }],
    ['eight query heads a kv head, an odd width, a window', { heads: 8, kvHeads: 1, headDim: 7, window: 9 }],
    ['twelve query heads a kv head, normalised', { heads: 12, kvHeads: 1, headDim: 8 }, { turned: true, normed: true }],
    ['head width 80', { headDim: 80 }],
    ['head width 256', { headDim: 256, heads: 2, kvHeads: 1 }],
    ['a window', { window: 13 }],
    ['a window of one token', { window: 1 }],
    ['large scores', { scale: 300 }],
    ['turned, head width 16', {}, { turned: true }],
    ['turned, head width 20', { headDim: 20 }, { turned: true }],
    ['turned, head width 6, a window', { headDim: 6, window: 20 }, { turned: true }],
    ['normalised and turned, head width 64', { headDim: 64 }, { turned: true, normed: true }],
    ['normalised and turned, head width 20', { headDim: 20, window: 5 }, { turned: true, normed: true }],
    ['normalised and turned, head width 6', { headDim: 6 }, { turned: true, normed: true }],
    ['normalised, head width 7', { headDim: 7 }, { normed: true }],
  ])('agrees with the last rows of the float64 reference: %s', async (name, changes, options = {}) => {
    const test: AttentionCase = { lengths: LENGTHS, heads: 4, kvHeads: 2, headDim: 16, adapterClass, ...changes };
    const inputs = randomInputs(test, 11);
    const { o } = await decode(test, inputs, options);
    const expected = Float64Array.from(expectedOutput(test, inputs, options));
    // A score of 1000 has an error of 1000 * 2^-24 * a few in f32, which is the relative error of its weight.
    expect(worstError(o as HostArray, expected), name).toBeLessThan(changes.scale ? 5e-3 : 1e-5);
  });

  it.each(['f16', 'bf16'] as const)('rounds old rows, and nothing else, where the caches are in %s', async (dtype) => {
    const test: AttentionCase = { lengths: LENGTHS, heads: 4, kvHeads: 2, headDim: 16, adapterClass };
    const inputs = randomInputs(test, 16);
    const exact = await decode(test, inputs, { turned: true });
    const rounded = await decode(test, inputs, { turned: true, dtype });
    const unit = dtype === 'f16' ? 2 ** -11 : 2 ** -8;
    // Two roundings of weights near 1, and one of the largest value.
    expect(worstError(rounded.o as HostArray, Float64Array.from(exact.o))).toBeLessThan(8 * unit);
    expect(worstError(rounded.keys, Float64Array.from(exact.keys))).toBeLessThan(unit);
    expect(rounded.o).not.toEqual(exact.o);
    // The only row of the first sequence is the new one.
    expect(rounded.o.subarray(0, 64)).toEqual(exact.o.subarray(0, 64));
  });

  it.each([1, 2, 6])('does not depend on the other sequences of the batch, %d query heads', async (heads) => {
    const test: AttentionCase = { lengths: LENGTHS, heads, kvHeads: 1, headDim: 16, adapterClass };
    const inputs = randomInputs(test, 12);
    const together = await decode(test, inputs);
    const shorter = await decode(test, inputs, { lengths: [1, 3, 44, 5, 1] });
    const width = heads * 16;
    expect(shorter.o.subarray(2 * width, 3 * width)).toEqual(together.o.subarray(2 * width, 3 * width));
    expect(shorter.o.subarray(width, 2 * width)).not.toEqual(together.o.subarray(width, 2 * width));
  });

  it.each([2, 5])('gives zeros for an idle sequence and writes nothing for it, %d query heads', async (heads) => {
    const test: AttentionCase = { lengths: [3, 4], heads, kvHeads: 1, headDim: 8, adapterClass };
    const { o, keys } = await decode(test, randomInputs(test, 13), { lengths: [0, 4], stale: -7 });
    expect(o.subarray(0, 8 * heads)).toEqual(new Float32Array(8 * heads));
    expect(o.subarray(8 * heads).some((value) => value !== 0)).toBe(true);
    expect(keys.subarray(0, CAPACITY * 8).every((value) => value === -7)).toBe(true);
  });

  it.each([4, 10])('writes the new rows at their places and nothing else, %d query heads', async (heads) => {
    const test: AttentionCase = { lengths: [3, 1, CAPACITY], heads, kvHeads: 2, headDim: 6, adapterClass };
    const inputs = randomInputs(test, 14);
    const { keys, values } = await decode(test, inputs, { turned: true, normed: true, stale: -7 });
    const turned = preparedRows(test, inputs.k, 'key', { turned: true, normed: true });
    const expected = (source: ArrayLike<number>): Float64Array => {
      const cache = new Float64Array(3 * CAPACITY * 12).fill(-7);
      let row = 0;
      test.lengths.forEach((length, slot) => {
        for (let position = 0; position < length; position++, row++)
          for (let i = 0; i < 12; i++) cache[(slot * CAPACITY + position) * 12 + i] = source[row * 12 + i]!;
      });
      return cache;
    };
    expect(worstError(keys, expected(turned))).toBeLessThan(1e-6);
    expect(worstError(values, expected(inputs.v))).toBe(0);
  });

  it.each([2, 4])('keeps NaN of stale rows out, %d query heads', async (heads) => {
    const test: AttentionCase = { lengths: [3, 20], heads, kvHeads: 1, headDim: 8, adapterClass };
    const inputs = randomInputs(test, 17);
    const clean = await decode(test, inputs);
    expect((await decode(test, inputs, { stale: Number.NaN })).o).toEqual(clean.o);
  });
});

describe('cache append', () => {
  it('leaves out rows outside the cache', async () => {
    await scopeAsync(async () => {
      const cacheOf = () => Tensor.from(device, new Float32Array(3 * 5 * 4).fill(-7), [3, 5, 1, 4]);
      const cache = { keys: cacheOf(), values: cacheOf() };
      const kv = Float32Array.from({ length: 6 * 8 }, (_, i) => i);
      const words = (data: readonly number[]) => Tensor.from(device, data, [data.length], 'u32');
      appendToCache(cache, Tensor.from(device, kv, [6, 2, 4]), {
        source: words([0, 1, 2, 3, 4, 5]),
        slot: words([2, 0, 1, 0xffffffff, 3, 0]),
        position: words([4, 0, 5, 0, 0, 3]),
      });
      const expected = (offset: number): Float32Array => {
        const found = new Float32Array(3 * 5 * 4).fill(-7);
        for (const [row, at] of [
          [0, 2 * 5 + 4],
          [1, 0],
          [5, 3],
        ] as const) {
          found.set(kv.subarray(row * 8 + offset, row * 8 + offset + 4), at * 4);
        }
        return found;
      };
      expect(await read(cache.keys)).toEqual(expected(0));
      expect(await read(cache.values)).toEqual(expected(4));
    });
  });

  it('refuses caches and rows that do not fit', async () => {
    await scopeAsync(async () => {
      const tensor = (shape: readonly number[], dtype: 'f32' | 'f16' = 'f32') =>
        Tensor.empty(device, shape, dtype, 'test/cache');
      const words = Tensor.from(device, [0], [1], 'u32');
      const rows = { source: words, slot: words, position: words };
      const cache = { keys: tensor([1, 2, 1, 6]), values: tensor([1, 2, 1, 6]) };
      expect(() => appendToCache(cache, tensor([1, 2, 4]), rows)).toThrow(/kv \[N, 2K, E\] in f32, got .*\[1,2,4\]/);
      const half = { keys: tensor([1, 2, 1, 6], 'f16'), values: tensor([1, 2, 1, 6], 'f16') };
      expect(() => appendToCache(half, tensor([1, 2, 6]), rows)).toThrow(/multiples of 4 for a cache in f16, got 6/);
      const attrs = { heads: 2, kvHeads: 1, scale: 1, window: 0 };
      expect(() => attendCache(tensor([2, 4, 6]), cache, words, attrs)).toThrow(/attendCache: expected caches/);
      const norms = { query: tensor([6]), key: tensor([4]), eps: 1e-6 };
      expect(() => attendCache(tensor([1, 4, 6]), cache, words, attrs, undefined, norms)).toThrow(/norms in f32 \[6\]/);
      await device.finish();
    });
  });
});
