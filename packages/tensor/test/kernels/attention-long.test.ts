import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { applyOp } from '../../src/op.ts';
import { attentionOp } from '../../src/ops/attention.ts';
import { launchAttentionGradient } from '../../src/ops/attention-gradient.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { worstError } from '../../src/testing/compare.ts';
import { type AttentionCase, type AttentionInputs, randomInputs, runAttention, segments } from './attention-harness.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const dot = (a: Float32Array, aAt: number, b: Float32Array, bAt: number, width: number): number => {
  let sum = 0;
  for (let e = 0; e < width; e++) sum += a[aAt + e]! * b[bAt + e]!;
  return sum;
};

/** One row of a single-head case in float64: o, lse and dQ by the definition. */
function referenceRow(test: AttentionCase, { q, k, v, dO }: AttentionInputs, row: number) {
  const { headDim: width, window = 0 } = test;
  const scale = width ** -0.5;
  const first = window === 0 ? 0 : Math.max(0, row - window + 1);
  const keys = Array.from({ length: row - first + 1 }, (_, i) => first + i);
  const scores = keys.map((key) => scale * dot(q, row * width, k, key * width, width));
  const top = scores.reduce((a, b) => Math.max(a, b));
  const lse = top + Math.log(scores.reduce((sum, s) => sum + Math.exp(s - top), 0));
  const p = scores.map((s) => Math.exp(s - lse));
  const dP = keys.map((key) => dot(dO, row * width, v, key * width, width));
  const delta = dP.reduce((sum, value, i) => sum + value * p[i]!, 0);
  const mix = (values: Float32Array, weight: (i: number) => number): number[] =>
    Array.from({ length: width }, (_, e) =>
      keys.reduce((sum, key, i) => sum + weight(i) * values[key * width + e]!, 0),
    );
  return {
    o: mix(v, (i) => p[i]!),
    lse,
    delta,
    dQ: mix(k, (i) => scale * p[i]! * (dP[i]! - delta)),
  };
}

/** dK and dV of one key, from lse and delta of the queries that see it. */
function referenceKey(
  test: AttentionCase,
  { q, k, v, dO }: AttentionInputs,
  key: number,
  lse: Float32Array,
  o: Float32Array,
): { dK: number[]; dV: number[] } {
  const { headDim: width, window = 0 } = test;
  const scale = width ** -0.5;
  const end = window === 0 ? lse.length : Math.min(lse.length, key + window);
  const [dK, dV] = [new Array<number>(width).fill(0), new Array<number>(width).fill(0)];
  for (let row = key; row < end; row++) {
    const p = Math.exp(scale * dot(q, row * width, k, key * width, width) - lse[row]!);
    const dP = dot(dO, row * width, v, key * width, width);
    const dS = scale * p * (dP - dot(dO, row * width, o, row * width, width));
    for (let e = 0; e < width; e++) {
      dV[e]! += p * dO[row * width + e]!;
      dK[e]! += dS * q[row * width + e]!;
    }
  }
  return { dK, dV };
}

describe('a sequence of 8192 tokens', () => {
  it.each([
    ['the whole of it', 0],
    ['a window of 1000', 1000],
  ])('agrees with float64 at sampled rows, forward and backward, over %s', async (_, window) => {
    const test: AttentionCase = { lengths: [8192], heads: 1, kvHeads: 1, headDim: 32, window };
    const inputs = randomInputs(test, 31);
    const actual = await runAttention(device, test, inputs);
    const at = (values: Float32Array, row: number): Float32Array => values.subarray(row * 32, row * 32 + 32);
    for (const row of [0, 1, 777, 4095, 4096, 6001, 8190, 8191]) {
      const expected = referenceRow(test, inputs, row);
      expect(worstError(at(actual.o, row), Float64Array.from(expected.o)), `o of row ${row}`).toBeLessThan(1e-5);
      expect(Math.abs(actual.lse[row]! - expected.lse), `lse of row ${row}`).toBeLessThan(
        1e-5 * Math.abs(expected.lse),
      );
      expect(worstError(at(actual.dQ, row), Float64Array.from(expected.dQ)), `dQ of row ${row}`).toBeLessThan(1e-4);
      const byKey = referenceKey(test, inputs, row, actual.lse, actual.o);
      expect(worstError(at(actual.dK, row), Float64Array.from(byKey.dK)), `dK of row ${row}`).toBeLessThan(1e-4);
      expect(worstError(at(actual.dV, row), Float64Array.from(byKey.dV)), `dV of row ${row}`).toBeLessThan(1e-4);
    }
  });
});

describe('memory', () => {
  it('is that of the inputs, the outputs and two numbers a row and head, to the byte, at any length', async () => {
    const [heads, width] = [4, 64];
    for (const rows of [512, 1024, 2048]) {
      await scopeAsync(async () => {
        const empty = (): Tensor => Tensor.from(device, new Float32Array(rows * heads * width), [rows, heads, width]);
        const [q, k, v, dO] = [empty(), empty(), empty(), empty()];
        const border = segments([rows]);
        const [start, end] = [border.start, border.end].map((data) => Tensor.from(device, data, [rows], 'u32'));
        await device.finish();
        device.pool.resetPeak();
        const before = device.memory.liveBytes;
        const attrs = { scale: 0.125, window: 0 };
        const [o, stats] = applyOp(attentionOp, [q, k, v, start!, end!], attrs) as [Tensor, Tensor];
        launchAttentionGradient({ q, k, v, segments: { start: start!, end: end! }, o, stats, dO }, attrs);
        await device.finish();
        const head = 4 * rows * heads * width;
        // With the inputs, 16.1 MiB at 2048 tokens.
        expect(device.memory.peakLiveBytes - before).toBe(4 * head + 8 * rows * heads);
      });
    }
  });
});
