import { grad } from '@dawngrad/autograd';
import {
  abs,
  cast,
  type DType,
  gelu,
  maximum,
  multiply,
  pow,
  read,
  relu,
  scopeAsync,
  sum,
  Tensor,
  where,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Awaited<ReturnType<typeof openDevice>>;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const of = (values: readonly number[], dtype: DType = 'f32'): Tensor =>
  Tensor.from(device, values, [values.length], dtype);
const slopes = async (x: Tensor, f: (x: Tensor) => Tensor): Promise<number[]> =>
  Array.from(await read(grad(() => sum(f(x)), [x]).gradients[0]!));

describe('gradients of elementwise ops', () => {
  it('share ties, and are 0 at the kinks of abs and relu', async () => {
    await scopeAsync(async () => {
      const a = of([1, 2, 3]);
      const b = of([2, 2, 2]);
      const { gradients } = grad(() => sum(maximum(a, b)), [a, b]);
      expect(Array.from(await read(gradients[0]!))).toEqual([0, 0.5, 1]);
      expect(Array.from(await read(gradients[1]!))).toEqual([1, 0.5, 0]);
      expect(await slopes(of([-1, 0, 2]), abs)).toEqual([-1, 0, 1]);
      expect(await slopes(of([-1, 0, 2]), relu)).toEqual([0, 0, 1]);
    });
  });

  it('of powers are right at 0 and below', async () => {
    await scopeAsync(async () => {
      expect(await slopes(of([-2, 0, 3]), (x) => pow(x, 2))).toEqual([-4, 0, 6]);
      expect(await slopes(of([-2, 0, 3]), (x) => pow(x, 1))).toEqual([1, 1, 1]);
      expect(await slopes(of([-2, 0, 3]), (x) => pow(x, 0))).toEqual([0, 0, 0]);
      expect(await slopes(of([1, 2]), (b) => pow(of([0, 0]), b))).toEqual([0, 0]);
    });
  });

  it('go to the branch that where took', async () => {
    await scopeAsync(async () => {
      const slope = await slopes(of([2, 4]), (v) => where(of([0, 1], 'bool'), pow(v, 0.5), multiply(v, 3)));
      expect(slope[0]).toBe(3);
      expect(slope[1]).toBeCloseTo(0.25, 5);
    });
  });

  it('come in the element type of the input, and none through integers', async () => {
    await scopeAsync(async () => {
      const half = of([1, 2], 'f16');
      const { gradients } = grad(() => sum(multiply(half, of([3, 4]))), [half]);
      expect(gradients[0]!.dtype).toBe('f16');
      expect(Array.from(await read(gradients[0]!))).toEqual([3, 4]);
      expect(await slopes(of([1.5, 2.5]), (x) => cast(cast(x, 'i32'), 'f32'))).toEqual([0, 0]);
    });
  });

  it('can be differentiated again', async () => {
    await scopeAsync(async () => {
      const x = of([-1, 0.5, 2]);
      const second = await slopes(x, (v) => grad(() => sum(gelu(v)), [v]).gradients[0]!);
      // gelu'' = p(x) (2 - x^2) with the normal density p.
      [-1, 0.5, 2].forEach((v, i) => {
        const p = Math.exp((-v * v) / 2) / Math.sqrt(2 * Math.PI);
        expect(second[i]).toBeCloseTo(p * (2 - v * v), 5);
      });
      expect(await slopes(of([-2, 3]), (v) => grad(() => sum(pow(v, 3)), [v]).gradients[0]!)).toEqual([-12, 18]);
    });
  });
});
