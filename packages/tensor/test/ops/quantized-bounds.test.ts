import {
  type Device,
  linear,
  linearLogProbs,
  type QuantizedFormat,
  quantizationBound,
  quantizedMatmul,
  quantizeMatrix,
  read,
  readAll,
  scopeAsync,
  Tensor,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { indexArray, normalArray, toTensor } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WEIGHT_BLOCK } from '../../src/kernels/matmul-weight.wgsl.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const [ROWS, COLUMNS] = [200, 256];
const values = (seed: number, size: number, scale = 1) => Float32Array.from(normalArray(seed, [size], scale).data);

/** Weights as a model has them: small, with outliers, a weak row and a strong one. */
function weights(): Float32Array {
  const all = values(1, ROWS * COLUMNS, 0.02);
  for (let i = 0; i < all.length; i += 977) all[i] = all[i]! * 30;
  for (let i = 0; i < COLUMNS; i++) {
    all[5 * COLUMNS + i] = all[5 * COLUMNS + i]! * 1e-5;
    all[6 * COLUMNS + i] = all[6 * COLUMNS + i]! * 1e3;
  }
  return all;
}

/** The bound of each value's block. */
function boundsOf(all: Float32Array, format: QuantizedFormat): Float64Array {
  const block = WEIGHT_BLOCK[format];
  const bounds = new Float64Array(all.length);
  for (let start = 0; start < all.length; start += block) {
    const largest = all.subarray(start, start + block).reduce((size, value) => Math.max(size, Math.abs(value)), 0);
    bounds.fill(quantizationBound(largest, format), start, start + block);
  }
  return bounds;
}

/** Unquantised products in float64, and what the device's may be off by: values of k are `at(k)` in the weights. */
function product(
  x: ArrayLike<number>,
  w: Float32Array,
  bounds: Float64Array,
  count: number,
  at: (k: number) => number,
) {
  let [value, size, bound] = [0, 0, 0];
  for (let k = 0; k < count; k++) {
    value += x[k]! * w[at(k)]!;
    size += Math.abs(x[k]!) * (Math.abs(w[at(k)]!) + bounds[at(k)]!);
    bound += Math.abs(x[k]!) * bounds[at(k)]!;
  }
  // Each of the sums of f32, and the product with the scale, rounds once.
  return { value, bound: bound + size * count * 2 ** -24 };
}

// Older drivers take their time to compile what the formats need.
describe.each(['q8_0', 'q4_0', 'nf4'] as const)('products with weights in %s', { timeout: 300_000 }, (format) => {
  const w = weights();
  const bounds = boundsOf(w, format);

  it.each([1, 4, 37])('of %d rows are within the published bound of float64, both ways', async (count) => {
    await scopeAsync(async () => {
      const matrix = quantizeMatrix(device, w, [ROWS, COLUMNS], format);
      const [x, d] = [values(2, count * COLUMNS), values(3, count * ROWS)];
      const [forward, backward] = await readAll([
        linear(Tensor.from(device, x, [count, COLUMNS]), matrix),
        quantizedMatmul(Tensor.from(device, d, [count, ROWS]), matrix, { transB: false }),
      ]);
      let worst = 0;
      const check = (actual: number, { value, bound }: ReturnType<typeof product>): void => {
        expect(Math.abs(actual - value)).toBeLessThanOrEqual(bound);
        worst = Math.max(worst, Math.abs(actual - value) / bound);
      };
      for (let n = 0; n < count; n++) {
        const row = x.subarray(n * COLUMNS, (n + 1) * COLUMNS);
        for (let o = 0; o < ROWS; o++) {
          check(
            forward![n * ROWS + o]!,
            product(row, w, bounds, COLUMNS, (k) => o * COLUMNS + k),
          );
        }
        const column = d.subarray(n * ROWS, (n + 1) * ROWS);
        for (let i = 0; i < COLUMNS; i++) {
          check(
            backward![n * COLUMNS + i]!,
            product(column, w, bounds, ROWS, (k) => k * COLUMNS + i),
          );
        }
      }
      // The bound is one that errors come near to, not one that anything would meet.
      expect(worst).toBeGreaterThan(0.03);
    });
  });

  it('are off by what is usual for normal weights', async () => {
    await scopeAsync(async () => {
      const normal = values(4, ROWS * COLUMNS, 0.02);
      const x = values(5, 16 * COLUMNS);
      const y = await read(
        linear(Tensor.from(device, x, [16, COLUMNS]), quantizeMatrix(device, normal, [ROWS, COLUMNS], format)),
      );
      let [error, total] = [0, 0];
      for (let n = 0; n < 16; n++) {
        for (let o = 0; o < ROWS; o++) {
          let value = 0;
          for (let k = 0; k < COLUMNS; k++) value += x[n * COLUMNS + k]! * normal[o * COLUMNS + k]!;
          error += (y[n * ROWS + o]! - value) ** 2;
          total += value ** 2;
        }
      }
      const usual = { q8_0: 0.0053, q4_0: 0.086, nf4: 0.092 }[format];
      const share = Math.sqrt(error / total);
      expect(share).toBeLessThan(1.15 * usual);
      expect(share).toBeGreaterThan(0.85 * usual);
    });
  });

  it('give log-probabilities within the bound of the logits', async () => {
    await scopeAsync(async () => {
      const count = 5;
      const plain = values(4, ROWS * COLUMNS, 0.02);
      const own = boundsOf(plain, format);
      const hidden = values(6, count * COLUMNS);
      const targets = indexArray(7, [count], ROWS);
      const { logp } = linearLogProbs(
        Tensor.from(device, hidden, [count, COLUMNS]),
        quantizeMatrix(device, plain, [ROWS, COLUMNS], format),
        toTensor(device, targets),
      );
      const found = await read(logp);
      for (let n = 0; n < count; n++) {
        const row = hidden.subarray(n * COLUMNS, (n + 1) * COLUMNS);
        const logits = Array.from({ length: ROWS }, (_, v) =>
          product(row, plain, own, COLUMNS, (k) => v * COLUMNS + k),
        );
        const top = Math.max(...logits.map(({ value }) => value));
        const lse = top + Math.log(logits.reduce((sum, { value }) => sum + Math.exp(value - top), 0));
        const target = logits[targets.data[n]!]!;
        // The target's logit may be off by its own bound, the log of the sum by the largest of all.
        const most = target.bound + Math.max(...logits.map(({ bound }) => bound));
        expect(Math.abs(found[n]! - (target.value - lse))).toBeLessThanOrEqual(most);
      }
    });
  });
});
