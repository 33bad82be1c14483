import {
  type Device,
  linear,
  type QuantizedFormat,
  quantizeMatrix,
  readAll,
  scope,
  scopeAsync,
  slice,
  Tensor,
  transpose,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const ROWS = [128, 192, 40] as const;
const OUT = 360;

const tensor = (seed: number, shape: readonly number[], dtype: 'f32' | 'f16' | 'bf16' = 'f32') =>
  toTensor(device, { ...normalArray(seed, [...shape]), dtype });

/** Other sizes may be cut up in other ways, so that sums differ in their last bits. */
async function expectAlike(actual: Tensor, expected: Tensor): Promise<void> {
  const [a, b] = await readAll([actual, expected]);
  expect(a!.length).toBe(b!.length);
  expect(worstError(a!, Float64Array.from(b!))).toBeLessThan(1e-5);
}

/** The values of a matrix, whole and cut into blocks of `ROWS` rows. */
function cut(values: Float32Array, columns: number): Float32Array[] {
  let end = 0;
  return ROWS.map((rows) => {
    end += rows;
    return values.slice((end - rows) * columns, end * columns);
  });
}

// Older drivers take their time to compile what the formats need.
describe('linear of a weight in row blocks', { timeout: 300_000 }, () => {
  it.each(['f32', 'f16', 'bf16'] as const)('gives what the whole %s weight does', async (dtype) => {
    await scopeAsync(async () => {
      const values = Float32Array.from(normalArray(2, [OUT, 24]).data);
      const whole = Tensor.from(device, values, [OUT, 24], dtype);
      const blocks = cut(values, 24).map((part, i) => Tensor.from(device, part, [ROWS[i]!, 24], dtype));
      for (const count of [1, 3, 40]) {
        const x = tensor(1, [count, 24]);
        for (const options of [{}, { bias: tensor(3, [OUT]) }, { residual: tensor(4, [count, OUT]) }]) {
          await expectAlike(linear(x, blocks, options), linear(x, whole, options));
        }
      }
    });
  });

  it.each(['q8_0', 'q4_0', 'nf4'] as const)('gives what the whole %s weight does', async (format: QuantizedFormat) => {
    await scopeAsync(async () => {
      const values = Float32Array.from(normalArray(2, [OUT, 128]).data);
      const whole = quantizeMatrix(device, values, [OUT, 128], format);
      const blocks = cut(values, 128).map((part, i) => quantizeMatrix(device, part, [ROWS[i]!, 128], format));
      for (const count of [1, 9]) {
        const x = tensor(1, [count, 128]);
        const bias = tensor(3, [OUT]);
        await expectAlike(linear(x, blocks, { bias }), linear(x, whole, { bias }));
      }
    });
  });

  it('takes a launch a block and no memory but the result; one block is the plain product', () => {
    scope(() => {
      const x = tensor(1, [5, 24]);
      const blocks = ROWS.map((rows) => tensor(2, [rows, 24]));
      const before = { ...device.counters };
      device.pool.resetPeak();
      const live = device.memory.liveBytes;
      const y = linear(x, blocks, { residual: tensor(4, [5, OUT]) });
      expect(device.counters.dispatches - before.dispatches).toBe(3);
      expect(y.shape).toEqual([5, OUT]);
      // The result and the residual, of 7,200 bytes each, as the pool rounds them up.
      expect(device.memory.peakLiveBytes - live).toBe(2 * 7680);
      const plain = device.counters.dispatches;
      linear(x, blocks.slice(0, 1));
      expect(device.counters.dispatches - plain).toBe(1);
    });
  });

  it('joins blocks that begin between the places where results can be written', async () => {
    await scopeAsync(async () => {
      const whole = tensor(2, [50, 16]);
      const blocks = [slice(whole, 0, 0, 30), slice(whole, 0, 30, 50)];
      const x = transpose(tensor(1, [16, 7]), 0, 1);
      const residual = transpose(tensor(5, [50, 7]), 0, 1);
      await expectAlike(linear(x, blocks, { residual }), linear(x, whole, { residual }));
    });
  });

  it('refuses no blocks, mixed ones and those of another width', () => {
    scope(() => {
      const x = tensor(1, [2, 32]);
      const float = tensor(2, [64, 32]);
      const quantized = quantizeMatrix(device, new Float32Array(64 * 32), [64, 32], 'q8_0');
      for (const blocks of [[], [float, quantized], [quantized, float], [float, tensor(3, [64, 16])]]) {
        expect(() => linear(x, blocks)).toThrowError(expect.objectContaining({ code: 'shape' }));
      }
    });
  });
});
