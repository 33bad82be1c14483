import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostArray } from '../../src/dtype.ts';
import type { Device } from '../../src/gpu/device.ts';
import { planCacheAppend } from '../../src/kernels/attention-cache.wgsl.ts';
import { type AttentionDecodeShape, planAttentionDecode } from '../../src/kernels/attention-decode.wgsl.ts';
import { attentionReference } from '../../src/kernels/attention-reference.ts';
import { openDevice } from '../../src/node.ts';
import { launchPlan } from '../../src/ops/launch-plan.ts';
import { scope } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { worstError } from '../../src/testing/compare.ts';
import {
  type AttentionCase,
  type AttentionInputs,
  randomInputs,
  referenceInput,
  runForward,
  segments,
} from './attention-harness.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const CAPACITY = 80;
const LENGTHS = [1, 9, 44, 80, 2];

interface CacheRun {
  /** Row r of the packed prefill goes to (slot[r], position[r]). */
  readonly slot: readonly number[];
  readonly position: readonly number[];
  readonly length: readonly number[];
  /** [B, H, E] */
  readonly query: Float32Array<ArrayBuffer>;
}

/** Fills a cache that held `stale` everywhere from packed rows, then attends with one query a sequence. */
async function appendAndDecode(
  shape: AttentionDecodeShape,
  inputs: AttentionInputs,
  run: CacheRun,
  stale = 1e3,
): Promise<{ o: Float32Array; kCache: Float32Array; vCache: Float32Array }> {
  const { batch, heads, kvHeads, headDim, capacity } = shape;
  const rows = run.slot.length;
  const cacheSize = batch * capacity * kvHeads * headDim;
  const pending = scope(() => {
    const floats = (data: Float32Array<ArrayBuffer>) => Tensor.from(device, data, [data.length]);
    const words = (data: readonly number[]) => Tensor.from(device, Uint32Array.from(data), [data.length], 'u32');
    const kCache = floats(new Float32Array(cacheSize).fill(stale));
    const vCache = floats(new Float32Array(cacheSize).fill(stale));
    const o = Tensor.empty(device, [batch * heads * headDim], 'f32', 'test/decode');
    const append = planCacheAppend({ rows, batch, capacity, kvHeads, headDim });
    launchPlan(append, [floats(inputs.k), floats(inputs.v), words(run.slot), words(run.position)], [kCache, vCache]);
    launchPlan(planAttentionDecode(shape), [floats(run.query), kCache, vCache, words(run.length)], [o]);
    return device.readBytes([o, kCache, vCache].map((tensor) => tensor.binding()));
  });
  const [o, kCache, vCache] = await pending;
  return {
    o: new Float32Array(o!, 0, batch * heads * headDim),
    kCache: new Float32Array(kCache!, 0, cacheSize),
    vCache: new Float32Array(vCache!, 0, cacheSize),
  };
}

/** Where the rows of packed sequences of `lengths` go, and the last query of each sequence. */
function prefill(test: AttentionCase, inputs: AttentionInputs): CacheRun {
  const { start } = segments(test.lengths);
  const width = test.heads * test.headDim;
  const query = new Float32Array(test.lengths.length * width);
  let end = 0;
  test.lengths.forEach((length, b) => {
    end += length;
    query.set(inputs.q.subarray((end - 1) * width, end * width), b * width);
  });
  return {
    slot: test.lengths.flatMap((length, b) => new Array<number>(length).fill(b)),
    position: Array.from(start, (first, row) => row - first),
    length: test.lengths,
    query,
  };
}

function decodeShape(test: AttentionCase): AttentionDecodeShape {
  return {
    batch: test.lengths.length,
    heads: test.heads,
    kvHeads: test.kvHeads,
    headDim: test.headDim,
    capacity: CAPACITY,
    window: test.window ?? 0,
    scale: test.scale ?? test.headDim ** -0.5,
    adapterClass: test.adapterClass ?? device.adapterClass,
  };
}

describe.each(['cpu', 'gpu'] as const)('cached attention with the %s tiles', (adapterClass) => {
  it.each<[string, Partial<AttentionCase>]>([
    ['head width 8, two query heads a kv head', { heads: 8, kvHeads: 4, headDim: 8 }],
    ['head width 16', { heads: 4, kvHeads: 4, headDim: 16 }],
    ['an odd head width', { headDim: 7 }],
    ['head width 80', { headDim: 80 }],
    ['a window', { window: 13 }],
    ['large scores', { scale: 300 }],
  ])('equals the last row of the packed forward pass: %s', async (name, changes) => {
    const test: AttentionCase = { lengths: LENGTHS, heads: 4, kvHeads: 2, headDim: 16, adapterClass, ...changes };
    const inputs = randomInputs(test, 11);
    const packed = await runForward(device, test, inputs);
    const width = test.heads * test.headDim;
    const last: number[] = [];
    let end = 0;
    for (const length of LENGTHS) {
      end += length;
      last.push(...packed.subarray((end - 1) * width, end * width));
    }
    const { o } = await appendAndDecode(decodeShape(test), inputs, prefill(test, inputs));
    expect(worstError(o as HostArray, Float64Array.from(last)), name).toBeLessThan(1e-5);
  });

  it('agrees with the float64 reference at head width 256', async () => {
    const test: AttentionCase = { lengths: [3, 20], heads: 1, kvHeads: 1, headDim: 256, adapterClass };
    const inputs = randomInputs(test, 15);
    const { o } = attentionReference(referenceInput(test, inputs));
    const decoded = await appendAndDecode(decodeShape(test), inputs, prefill(test, inputs));
    const last = [...o.subarray(2 * 256, 3 * 256), ...o.subarray(22 * 256)];
    expect(worstError(decoded.o as HostArray, Float64Array.from(last))).toBeLessThan(1e-5);
  });

  it('does not depend on the other sequences of the batch', async () => {
    const test: AttentionCase = { lengths: LENGTHS, heads: 2, kvHeads: 1, headDim: 16, adapterClass };
    const inputs = randomInputs(test, 12);
    const run = prefill(test, inputs);
    const together = await appendAndDecode(decodeShape(test), inputs, run);
    const shorter = await appendAndDecode(decodeShape(test), inputs, { ...run, length: [1, 3, 44, 5, 1] });
    const width = 2 * 16;
    expect(shorter.o.subarray(2 * width, 3 * width)).toEqual(together.o.subarray(2 * width, 3 * width));
    expect(shorter.o.subarray(width, 2 * width)).not.toEqual(together.o.subarray(width, 2 * width));
  });

  it('gives zeros for a sequence without cached rows', async () => {
    const test: AttentionCase = { lengths: [3, 4], heads: 2, kvHeads: 1, headDim: 8, adapterClass };
    const inputs = randomInputs(test, 13);
    const { o } = await appendAndDecode(decodeShape(test), inputs, { ...prefill(test, inputs), length: [0, 4] });
    expect(o.subarray(0, 16)).toEqual(new Float32Array(16));
    expect(o.subarray(16).some((value) => value !== 0)).toBe(true);
  });
});

describe('cache append', () => {
  it('writes each row at its slot and position, leaves out rows outside the cache and touches nothing else', async () => {
    const test: AttentionCase = { lengths: [6], heads: 1, kvHeads: 1, headDim: 4 };
    const inputs = randomInputs(test, 14);
    const shape = { ...decodeShape(test), batch: 3, capacity: 5 };
    const run = {
      slot: [2, 0, 1, 0xffffffff, 3, 0],
      position: [4, 0, 5, 0, 0, 3],
      length: [1, 1, 1],
      query: new Float32Array(3 * 4),
    };
    const { kCache, vCache } = await appendAndDecode(shape, inputs, run, -7);
    const expected = (source: Float32Array) => {
      const cache = new Float32Array(3 * 5 * 4).fill(-7);
      for (const [row, at] of [
        [0, 2 * 5 + 4],
        [1, 0],
        [5, 3],
      ] as const) {
        cache.set(source.subarray(row * 4, row * 4 + 4), at * 4);
      }
      return cache;
    };
    expect(kCache).toEqual(expected(inputs.k));
    expect(vCache).toEqual(expected(inputs.v));
  });

  it('refuses row strides shorter than a row', () => {
    const shape = { rows: 1, batch: 1, capacity: 1, kvHeads: 2, headDim: 8, kStride: 15 };
    expect(() => planCacheAppend(shape)).toThrow(/row strides of at least 16, got 15/);
  });
});
