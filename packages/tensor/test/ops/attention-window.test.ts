import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import type { RefArray } from '../../src/op.ts';
import { appendToCache, attendCache } from '../../src/ops/kv-cache.ts';
import { packedAttention } from '../../src/ops/packed-attention.ts';
import { readAll } from '../../src/ops/read.ts';
import { normalArray } from '../../src/ops/reference.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor, worstError } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const [TOKENS, WIDTH] = [13, 8];
const SCALE = WIDTH ** -0.5;

/**
 * One head, with the mask written out as Hugging Face's `sliding_window_overlay` and causal mask have it: token i
 * sees token j where j <= i and j > i - window.
 */
function masked(qkv: RefArray, window: number): Float64Array {
  const at = (token: number, head: number, e: number): number => qkv.data[(token * 3 + head) * WIDTH + e]!;
  const out = new Float64Array(TOKENS * WIDTH);
  for (let i = 0; i < TOKENS; i++) {
    const weights = Array.from({ length: TOKENS }, (_, j) => {
      if (j > i || (window > 0 && j <= i - window)) return 0;
      let score = 0;
      for (let e = 0; e < WIDTH; e++) score += at(i, 0, e) * at(j, 1, e);
      return Math.exp(score * SCALE);
    });
    const total = weights.reduce((a, b) => a + b, 0);
    for (let e = 0; e < WIDTH; e++) {
      out[i * WIDTH + e] = weights.reduce((sum, weight, j) => sum + (weight / total) * at(j, 2, e), 0);
    }
  }
  return out;
}

describe('a sliding window', () => {
  it('is that of Hugging Face, packed and cached, and another one a layer compiles nothing', async () => {
    const reference = normalArray(61, [TOKENS, 3, WIDTH], 2);
    const pipelines: number[] = [];
    for (const window of [1, 4, 12, 13, 0]) {
      const [packed, ...cached] = await scopeAsync(async () => {
        const words = (data: readonly number[]) => Tensor.from(device, data, [data.length], 'u32');
        const all = Array.from({ length: TOKENS }, (_, i) => i);
        const qkv = toTensor(device, reference);
        const attrs = { heads: 1, kvHeads: 1, scale: SCALE, window };
        const segments = { start: words(all.map(() => 0)), end: words(all.map(() => TOKENS)) };
        const together = packedAttention(qkv, segments, attrs);
        const zeros = () => Tensor.from(device, new Float32Array(TOKENS * WIDTH), [1, TOKENS, 1, WIDTH]);
        const cache = { keys: zeros(), values: zeros() };
        const kv = Tensor.from(
          device,
          all.flatMap((i) => Array.from(reference.data.subarray((3 * i + 1) * WIDTH, (3 * i + 3) * WIDTH))),
          [TOKENS, 2, WIDTH],
        );
        // Half of the tokens come from a prompt, the others one at a time.
        const prompt = words(all.slice(0, 6));
        appendToCache(cache, kv, { source: prompt, slot: words(new Array<number>(6).fill(0)), position: prompt });
        const steps = all.slice(6).map((i) => {
          const row = Tensor.from(device, Array.from(reference.data.subarray(3 * i * WIDTH, 3 * (i + 1) * WIDTH)), [
            1,
            3,
            WIDTH,
          ]);
          return attendCache(row, cache, words([i + 1]), attrs);
        });
        return readAll([together, ...steps]);
      });
      const expected = masked(reference, window);
      expect(worstError(packed!, expected), `packed, window ${window}`).toBeLessThan(1e-5);
      cached.forEach((row, i) => {
        const own = expected.subarray((6 + i) * WIDTH, (7 + i) * WIDTH);
        expect(worstError(row, own), `cached, window ${window}, token ${6 + i}`).toBeLessThan(1e-5);
      });
      pipelines.push(device.counters.pipelines);
    }
    expect(new Set(pipelines).size).toBe(1);
  });
});
