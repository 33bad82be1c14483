import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DTYPES, type DType, promoteNumber, promoteTypes } from '../../src/dtype.ts';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { add, divide, floorDivide, greater, multiply, pow, remainder, subtract } from '../../src/ops/binary.ts';
import { cast } from '../../src/ops/cast.ts';
import { arange, eye, linspace } from '../../src/ops/ranges.ts';
import { read } from '../../src/ops/read.ts';
import { exp, isNan, negate, round } from '../../src/ops/unary.ts';
import { where } from '../../src/ops/where.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const of = (values: readonly number[], dtype: DType): Tensor => Tensor.from(device, values, [values.length], dtype);
const valuesOf = async (x: Tensor): Promise<number[]> => Array.from(await read(x));

describe('promotion', () => {
  it('is the table of NumPy up to 32 bits, and commutes', () => {
    const rows = DTYPES.map((a) => DTYPES.map((b) => promoteTypes(a, b)).join(' '));
    // Rows and columns: f32, f16, bf16, i32, u32, bool.
    expect(rows).toEqual([
      'f32 f32 f32 f32 f32 f32',
      'f32 f16 f32 f32 f32 f16',
      'f32 f32 bf16 f32 f32 bf16',
      'f32 f32 f32 i32 i32 i32',
      'f32 f32 f32 i32 u32 u32',
      'f32 f16 bf16 i32 u32 bool',
    ]);
  });

  it('leaves the type of a tensor beside a number, but for fractions', () => {
    expect(DTYPES.map((dtype) => promoteNumber(dtype, 2))).toEqual(['f32', 'f16', 'bf16', 'i32', 'u32', 'i32']);
    expect(DTYPES.map((dtype) => promoteNumber(dtype, 0.5))).toEqual(['f32', 'f16', 'bf16', 'f32', 'f32', 'f32']);
  });

  it('decides the type of results on the device', async () => {
    await scopeAsync(async () => {
      const x = Object.fromEntries(DTYPES.map((dtype) => [dtype, of([1, 0, 3], dtype)])) as Record<DType, Tensor>;
      expect(add(x.f16, x.bf16).dtype).toBe('f32');
      expect(add(x.i32, x.f16).dtype).toBe('f32');
      expect(await valuesOf(add(x.i32, x.u32))).toEqual([2, 0, 6]);
      expect(divide(x.i32, x.i32).dtype).toBe('f32');
      expect(await valuesOf(divide(of([7], 'i32'), 2))).toEqual([3.5]);
      expect(greater(x.i32, x.f32).dtype).toBe('bool');
      expect(add(x.bool, x.bool).dtype).toBe('bool');
      expect(await valuesOf(add(x.bool, 1))).toEqual([2, 1, 2]);
      expect(exp(x.u32).dtype).toBe('f32');
      expect(where(x.bool, 1, 0).dtype).toBe('i32');
    });
  });
});

describe('integers', () => {
  it('survive beyond 2^24 and wrap', async () => {
    await scopeAsync(async () => {
      const big = of([2 ** 24, 2 ** 31 - 1], 'i32');
      expect(await valuesOf(add(big, 1))).toEqual([2 ** 24 + 1, -(2 ** 31)]);
      expect(await valuesOf(subtract(1, of([2 ** 24 + 2], 'i32')))).toEqual([-(2 ** 24) - 1]);
      expect(await valuesOf(multiply(of([2 ** 16 + 1], 'u32'), of([2 ** 16 + 1], 'u32')))).toEqual([2 ** 17 + 1]);
      expect(await valuesOf(negate(of([1, 0], 'u32')))).toEqual([2 ** 32 - 1, 0]);
      expect(await valuesOf(pow(of([-3, 2, 0], 'i32'), of([19, -1, 0], 'i32')))).toEqual([-1162261467, 0, 1]);
    });
  });

  it('divide downwards, and give 0 by 0', async () => {
    await scopeAsync(async () => {
      const [a, b] = [of([7, -7, 7, -7, 5], 'i32'), of([2, 2, -2, -2, 0], 'i32')];
      expect(await valuesOf(floorDivide(a, b))).toEqual([3, -4, -4, 3, 0]);
      expect(await valuesOf(remainder(a, b))).toEqual([1, 1, -1, -1, 0]);
    });
  });

  it('refuse numbers that they do not hold', () => {
    const x = of([1], 'u32');
    for (const bad of [() => add(x, -1), () => multiply(x, 2 ** 32), () => greater(x, -1), () => add(1, 2)])
      expect(bad).toThrowError(expect.objectContaining({ code: 'shape' }));
    x.dispose();
  });
});

describe('casts', () => {
  it('truncate, hold to the ends of the type, and make 0 of NaN', async () => {
    await scopeAsync(async () => {
      const x = of([1.9, -1.9, 3e9, -3e9, Number.NaN, Number.POSITIVE_INFINITY], 'f32');
      expect(await valuesOf(cast(x, 'i32'))).toEqual([1, -1, 2 ** 31 - 1, -(2 ** 31), 0, 2 ** 31 - 1]);
      expect(await valuesOf(cast(x, 'u32'))).toEqual([1, 0, 3e9, 0, 0, 2 ** 32 - 1]);
      expect(await valuesOf(cast(of([0, 0.25, -0], 'f32'), 'bool'))).toEqual([0, 1, 0]);
      expect(await valuesOf(isNan(cast(x, 'f16')))).toEqual([0, 0, 0, 0, 1, 0]);
    });
  });

  it('to the own type are views', () => {
    const x = of([1, 2], 'f16');
    const { dispatches } = device.counters;
    const same = cast(x, 'f16');
    expect(same.storage).toBe(x.storage);
    expect(device.counters.dispatches).toBe(dispatches);
    same.dispose();
    x.dispose();
  });
});

describe('rounding and ranges', () => {
  it('round halves to the even number', async () => {
    await scopeAsync(async () => {
      expect(await valuesOf(round(of([0.5, 1.5, 2.5, -1.5, -2.5], 'f32')))).toEqual([0, 2, 2, -2, -2]);
    });
  });

  it('make ranges of every type', async () => {
    await scopeAsync(async () => {
      expect(await valuesOf(arange(device, 5, 0, -2, 'i32'))).toEqual([5, 3, 1]);
      expect(await valuesOf(arange(device, 0, 0))).toEqual([]);
      expect(await valuesOf(linspace(device, 0, 1, 5))).toEqual([0, 0.25, 0.5, 0.75, 1]);
      expect(await valuesOf(linspace(device, 3, 9, 1))).toEqual([3]);
      expect(await valuesOf(eye(device, 2, 3, 'bf16'))).toEqual([1, 0, 0, 0, 1, 0]);
      expect(() => arange(device, 0, 1, 0)).toThrowError(expect.objectContaining({ code: 'shape' }));
    });
  });
});
