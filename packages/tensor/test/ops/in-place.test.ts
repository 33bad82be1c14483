import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { accumulateInto, copyInto, fill, full, ones, zeros } from '../../src/ops/in-place.ts';
import { overwrite } from '../../src/ops/overwrite.ts';
import { read } from '../../src/ops/read.ts';
import { slice } from '../../src/ops/slice.ts';
import { transpose } from '../../src/ops/view.ts';
import { scope, scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const bitsOf = async (x: Tensor): Promise<number[]> => Array.from(new Uint32Array((await read(x)).buffer));
/** -0, both infinities, a quiet NaN with a payload, the largest float, 1 + one ulp, repeated to an odd and an even size. */
const ODD_BITS = [0x80000000, 0x7f800000, 0xff800000, 0x7fc00123, 0x7f7fffff, 0x3f800001, 0];

describe.each([7, 28])('in-place ops on %i values', (size) => {
  const bits = Uint32Array.from({ length: size }, (_, i) => ODD_BITS[i % ODD_BITS.length]!);

  it('copy every bit', async () => {
    await scopeAsync(async () => {
      const out = zeros(device, [size]);
      fill(out, Number.NaN);
      copyInto(out, Tensor.from(device, new Float32Array(bits.buffer), [size]));
      expect(await bitsOf(out)).toEqual(Array.from(bits));
      fill(out, 3);
      overwrite(out, new Float32Array(bits.buffer));
      expect(await bitsOf(out)).toEqual(Array.from(bits));
    });
  });

  it('add, fill and touch nothing beside their target', async () => {
    await scopeAsync(async () => {
      const whole = zeros(device, [3, 64]);
      const row = slice(slice(whole, 0, 1, 2), 1, 0, size);
      fill(row, 2);
      accumulateInto(
        row,
        Tensor.from(
          device,
          Float32Array.from({ length: size }, (_, i) => i),
          row.shape,
        ),
      );
      const values = await read(whole);
      values.forEach((value, i) => {
        const inside = i >= 64 && i < 64 + size;
        expect(value).toBe(inside ? 2 + i - 64 : 0);
      });
    });
  });
});

describe.each(['f32', 'f16', 'bf16', 'i32', 'u32', 'bool'] as const)('in-place ops on %s', (dtype) => {
  it.each([1, 7, 8, 33])('fill, copy and add %i values and touch nothing beside them', async (size) => {
    await scopeAsync(async () => {
      const whole = full(device, [3, 256], 1, dtype);
      const row = slice(slice(whole, 0, 1, 2), 1, 0, size);
      const check = async (inside: number): Promise<void> => {
        const values = await read(whole);
        expect(Array.from(values)).toEqual(Array.from(values, (_, i) => (i >= 256 && i < 256 + size ? inside : 1)));
      };
      fill(row, dtype === 'bool' ? 0 : 5);
      await check(dtype === 'bool' ? 0 : 5);
      copyInto(row, zeros(device, row.shape, 'test/zeros', dtype));
      await check(0);
      accumulateInto(row, full(device, row.shape, 3, dtype));
      accumulateInto(row, ones(device, row.shape, dtype));
      await check(dtype === 'bool' ? 1 : 4);
    });
  });
});

describe('in-place ops', () => {
  it('read strided sources', async () => {
    await scopeAsync(async () => {
      const out = zeros(device, [3, 2]);
      copyInto(out, transpose(Tensor.from(device, [1, 2, 3, 4, 5, 6], [2, 3])));
      expect(Array.from(await read(out))).toEqual([1, 4, 2, 5, 3, 6]);
    });
  });

  it('refuse targets that are strided, of another size or type, and stay ready', () => {
    scope(() => {
      const x = zeros(device, [4, 4]);
      const five = zeros(device, [5]);
      const ids = Tensor.from(device, [1, 2, 3, 4], [4], 'u32');
      for (const bad of [
        () => fill(transpose(x), 1),
        () => fill(slice(x, 0, 1, 2), 1),
        () => copyInto(x, five),
        () => accumulateInto(five, x),
        () => copyInto(zeros(device, [4]), ids),
        () => accumulateInto(ids, five),
        () => full(device, [2], 0.5, 'i32'),
        () => full(device, [2], -1, 'u32'),
        () => overwrite(x, new Float32Array(3)),
      ])
        expect(bad).toThrowError(expect.objectContaining({ code: 'shape' }));
    });
    expect(device.state).toBe('ready');
  });

  it('do nothing to nothing', async () => {
    await scopeAsync(async () => {
      const x = zeros(device, [0, 3]);
      copyInto(x, zeros(device, [3, 0]));
      accumulateInto(x, zeros(device, [0]));
      expect(await read(x)).toEqual(new Float32Array(0));
    });
  });
});
