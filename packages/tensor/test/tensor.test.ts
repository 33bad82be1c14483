import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../src/gpu/device.ts';
import { openDevice } from '../src/node.ts';
import { add } from '../src/ops/binary.ts';
import { matmul } from '../src/ops/matmul.ts';
import { read, readAll, readBits, readScalar } from '../src/ops/read.ts';
import { slice } from '../src/ops/slice.ts';
import { exp } from '../src/ops/unary.ts';
import { expand, permute, reshape, transpose } from '../src/ops/view.ts';
import { scopeAsync } from '../src/scope.ts';
import { Tensor } from '../src/tensor.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const range = (count: number): Float32Array<ArrayBuffer> => Float32Array.from({ length: count }, (_, i) => i);
const inScope = <T>(body: () => Promise<T>): Promise<T> => scopeAsync(body);

describe('a tensor', () => {
  it('round-trips values of every type, bit for bit', async () => {
    await inScope(async () => {
      const floats = new Float32Array(
        new Uint32Array([0x80000000, 0x7f800000, 0xff800000, 0x7fc00001, 0x3f800001]).buffer,
      );
      const f32 = await read(Tensor.from(device, floats, [5]));
      expect(Array.from(new Uint32Array(f32.buffer))).toEqual(Array.from(new Uint32Array(floats.buffer)));
      const i32 = await read(Tensor.from(device, [-(2 ** 31), -1, 2 ** 31 - 1], [3], 'i32'));
      expect(i32).toEqual(new Int32Array([-(2 ** 31), -1, 2 ** 31 - 1]));
      const u32 = await read(Tensor.from(device, [0, 2 ** 32 - 1], [2], 'u32'));
      expect(u32).toEqual(new Uint32Array([0, 2 ** 32 - 1]));
      for (const dtype of ['f16', 'bf16'] as const) {
        const raw = new Uint16Array([0x3c00, 0xfc00, 0x7e01, 0x8000, 0x0001]);
        expect(await readBits(Tensor.from(device, raw, [5], dtype))).toEqual(raw);
      }
      expect(await readScalar(Tensor.from(device, [2.5], []))).toBe(2.5);
      expect(await readAll([])).toEqual([]);
    });
  });

  it('takes and gives numbers for halves and bools', async () => {
    await inScope(async () => {
      const values = [1, -2.5, 0.1, 65504, 1e-7, Number.POSITIVE_INFINITY];
      const f16 = Tensor.from(device, values, [6], 'f16');
      expect(Array.from(await read(f16))).toEqual([
        1,
        -2.5,
        0.0999755859375,
        65504,
        2 ** -23,
        Number.POSITIVE_INFINITY,
      ]);
      expect(Array.from(await readBits(f16))).toEqual([0x3c00, 0xc100, 0x2e66, 0x7bff, 0x0002, 0x7c00]);
      // 1 + 2^-8 lies half way between two bf16s.
      const bf16 = Tensor.from(device, new Float32Array([1, 1 + 2 ** -8, 1 + 3 * 2 ** -8]), [3], 'bf16');
      expect(await read(bf16)).toEqual(new Float32Array([1, 1, 1 + 2 ** -6]));
      for (const data of [[0, 1, 2, 0], new Uint8Array([0, 1, 255, 0]), new Uint32Array([0, 1, 2 ** 31, 0])]) {
        const flags = Tensor.from(device, data, [4], 'bool');
        expect(await read(flags)).toEqual(new Uint8Array([0, 1, 1, 0]));
        expect(await readBits(flags)).toEqual(new Uint32Array([0, 1, 1, 0]));
      }
    });
  });

  it('refuses host values of the wrong number or type', () => {
    expect(() => Tensor.from(device, [1, 2, 3], [2, 2])).toThrowError(/expected 4 values for shape \[2,2\], got 3/);
    expect(() => Tensor.from(device, new Uint32Array(2), [2])).toThrowError(/Float32Array for f32, got Uint32Array/);
    expect(() => Tensor.from(device, new Int32Array(2), [2], 'f16')).toThrowError(
      /Float32Array or Uint16Array for f16, got Int32Array/,
    );
    expect(() => Tensor.from(device, new Float32Array(2), [2], 'u32')).toThrowError(
      expect.objectContaining({ code: 'shape' }),
    );
  });

  it('refuses to be used after its end, in ops, views and readbacks', async () => {
    const x = Tensor.from(device, [1, 2], [2]);
    x.dispose();
    expect(x.isDisposed).toBe(true);
    for (const use of [
      () => exp(x),
      () => add(x, x),
      () => reshape(x, [2, 1]),
      () => x.binding(),
      () => x.wholeBinding(),
    ])
      expect(use).toThrowError(/expected a live tensor, got one of shape \[2\] that was disposed/);
    await expect(read(x)).rejects.toMatchObject({ code: 'device' });
  });

  it('ends with a `using` declaration', () => {
    const before = device.memory.liveBuffers;
    {
      using x = Tensor.empty(device, [4], 'f32', 'test/x');
      expect(x.isDisposed).toBe(false);
    }
    expect(device.memory.liveBuffers).toBe(before);
  });

  it('must be of a type that the op computes with', async () => {
    await inScope(async () => {
      const ids = Tensor.from(device, [1, 2], [1, 2], 'u32');
      expect(() => matmul(ids, transpose(ids))).toThrowError(
        expect.objectContaining({ code: 'shape', message: expect.stringContaining('u32') }),
      );
      expect(device.state).toBe('ready');
    });
  });
});

describe('views', () => {
  it('share the buffer: no launch, no copy', async () => {
    await inScope(async () => {
      const x = Tensor.from(device, range(24), [2, 3, 4]);
      const { dispatches } = device.counters;
      const views = [
        reshape(x, [6, -1]),
        permute(x, [2, 0, 1]),
        transpose(x),
        slice(x, -1, 1, 3),
        expand(slice(x, 0, 0, 1), [5, 3, 4]),
      ];
      expect(views.map((view) => view.shape)).toEqual([
        [6, 4],
        [4, 2, 3],
        [2, 4, 3],
        [2, 3, 2],
        [5, 3, 4],
      ]);
      for (const view of views) expect(view.storage).toBe(x.storage);
      expect(device.counters.dispatches).toBe(dispatches);
    });
  });

  it('of views read the right elements, at any offset', async () => {
    await inScope(async () => {
      const x = Tensor.from(device, range(60), [3, 4, 5]);
      const view = slice(transpose(slice(x, 0, 1, 3)), 1, 2, 5);
      expect(view.shape).toEqual([2, 3, 4]);
      const expected = [1, 2].flatMap((a) => [2, 3, 4].flatMap((c) => [0, 1, 2, 3].map((b) => a * 20 + b * 5 + c)));
      expect(Array.from(await read(view))).toEqual(expected);
      expect(Array.from(await read(reshape(view, [24])))).toEqual(expected);
      // Contiguous, but not at a multiple of 256 bytes: it cannot be bound and is copied.
      for (const start of [1, 2, 4, 63]) {
        const flat = Tensor.from(device, range(200), [200]);
        const part = slice(flat, 0, start, start + 70);
        expect(part.isContiguous).toBe(true);
        expect(part.isBindable).toBe(false);
        expect(Array.from(await read(part))).toEqual(Array.from(range(70), (i) => i + start));
      }
      const aligned = slice(Tensor.from(device, range(200), [200]), 0, 64, 200);
      expect(aligned.isBindable).toBe(true);
      expect((await read(aligned))[0]).toBe(64);
    });
  });

  it('of integers and halves are copied like those of floats', async () => {
    await inScope(async () => {
      const u32 = Tensor.from(device, new Uint32Array([1, 2 ** 32 - 1, 3, 4, 0x7fc00000, 6]), [2, 3], 'u32');
      expect(Array.from(await read(transpose(u32)))).toEqual([1, 4, 2 ** 32 - 1, 0x7fc00000, 3, 6]);
      const i32 = Tensor.from(device, new Int32Array([1, -2, 3, -4]), [2, 2], 'i32');
      expect(Array.from(await read(slice(i32, 1, 1, 2)))).toEqual([-2, -4]);
      const f16 = Tensor.from(device, new Uint16Array([0x3c00, 0x4000, 0x4200, 0xbc00]), [2, 2], 'f16');
      expect(await readBits(transpose(f16))).toEqual(new Uint16Array([0x3c00, 0x4200, 0x4000, 0xbc00]));
    });
  });

  it('that are empty can stand at the very end of a buffer', async () => {
    await inScope(async () => {
      const x = Tensor.from(device, range(64), [1, 64]);
      const nothing = slice(x, 1, 64, 64);
      expect(Array.from(await read(nothing))).toEqual([]);
      const product = matmul(nothing, Tensor.empty(device, [0, 3], 'f32', 'test/empty'));
      expect(Array.from(await read(product))).toEqual([0, 0, 0]);
      expect(device.state).toBe('ready');
    });
  });

  it('refuse axes and shapes that do not exist', () => {
    const x = Tensor.from(device, range(6), [2, 3]);
    for (const bad of [
      () => reshape(x, [4, -1]),
      () => permute(x, [0, 2]),
      () => slice(x, 2, 0, 1),
      () => slice(x, 0, 0, 1, 0),
      () => slice(x, 1, 0.5, 2),
      () => expand(x, [2, 2, 4]),
    ])
      expect(bad).toThrowError(expect.objectContaining({ code: 'shape' }));
    x.dispose();
  });
});
