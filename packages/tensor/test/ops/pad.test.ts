import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { concat, stack } from '../../src/ops/concat.ts';
import { embedding } from '../../src/ops/embedding.ts';
import { type PadOptions, pad } from '../../src/ops/pad.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { repeat, roll, tile } from '../../src/ops/repeat.ts';
import { flip, slice } from '../../src/ops/slice.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const listed = (x: Tensor): Promise<number[]> => read(x).then((values) => Array.from(values));

describe('pad', () => {
  // numpy.pad([1, 2, 3, 4], ...)
  it.each([
    [{}, [2, 1], [0, 0, 1, 2, 3, 4, 0]],
    [{ value: 9 }, [0, 2], [1, 2, 3, 4, 9, 9]],
    [{ mode: 'edge' }, [2, 3], [1, 1, 1, 2, 3, 4, 4, 4, 4]],
    [{ mode: 'reflect' }, [3, 2], [4, 3, 2, 1, 2, 3, 4, 3, 2]],
    [{ mode: 'reflect' }, [0, 3], [1, 2, 3, 4, 3, 2, 1]],
    [{ mode: 'reflect' }, [1, 0], [2, 1, 2, 3, 4]],
    [{ mode: 'wrap' }, [2, 4], [3, 4, 1, 2, 3, 4, 1, 2, 3, 4]],
  ] as [PadOptions, [number, number], number[]][])(
    'does what NumPy does: %o by %o',
    async (options, width, expected) => {
      await scopeAsync(async () => {
        const x = Tensor.from(device, [1, 2, 3, 4], [4], 'i32');
        expect(await listed(pad(x, [width], options))).toEqual(expected);
        // Along the other axis of a matrix too, from a view that runs backwards.
        const column = Tensor.from(device, [4, 3, 2, 1], [4, 1], 'i32');
        expect(await listed(pad(flip(column), [width, [0, 0]], options))).toEqual(expected);
      });
    },
  );

  it('refuses widths that are missing, negative, or more than there is to mirror', async () => {
    await scopeAsync(async () => {
      const x = Tensor.from(device, [1, 2, 3, 4], [4]);
      for (const bad of [
        () => pad(x, []),
        () => pad(x, [[-1, 0]]),
        () => pad(x, [[4, 0]], { mode: 'reflect' }),
        () => pad(x, [[0, 5]], { mode: 'wrap' }),
        () => pad(Tensor.empty(device, [0], 'f32', 'test'), [[1, 0]], { mode: 'edge' }),
      ])
        expect(bad).toThrowError(expect.objectContaining({ code: 'shape' }));
    });
  });
});

describe('concat, stack, repeat, tile and roll', () => {
  it('give what NumPy gives', async () => {
    await scopeAsync(async () => {
      const a = Tensor.from(device, [1, 2, 3, 4], [2, 2], 'u32');
      const b = Tensor.from(device, [5, 6, 7, 8], [2, 2], 'u32');
      const results: [Tensor, number[], number[]][] = [
        [concat([a, b], -1), [2, 4], [1, 2, 5, 6, 3, 4, 7, 8]],
        [stack([a, b], 1), [2, 2, 2], [1, 2, 5, 6, 3, 4, 7, 8]],
        [stack([a, b], -1), [2, 2, 2], [1, 5, 2, 6, 3, 7, 4, 8]],
        [repeat(a, 2, 1), [2, 4], [1, 1, 2, 2, 3, 3, 4, 4]],
        [repeat(a, 0, 0), [0, 2], []],
        [tile(a, [2]), [2, 4], [1, 2, 1, 2, 3, 4, 3, 4]],
        [tile(a, [2, 1, 1]), [2, 2, 2], [1, 2, 3, 4, 1, 2, 3, 4]],
        [roll(a, 1, 0), [2, 2], [3, 4, 1, 2]],
        [roll(a, -3, 1), [2, 2], [2, 1, 4, 3]],
      ];
      const values = await readAll(results.map(([tensor]) => tensor));
      results.forEach(([tensor, shape, expected], i) => {
        expect(tensor.shape).toEqual(shape);
        expect(Array.from(values[i]!)).toEqual(expected);
      });
    });
  });

  it('join as many tensors as there are, in as few launches as buffers can be bound', async () => {
    await scopeAsync(async () => {
      const parts = Array.from({ length: 20 }, (_, i) => Tensor.from(device, [i], [1], 'f16'));
      const { dispatches } = device.counters;
      const whole = concat(parts);
      const launches = device.counters.dispatches - dispatches;
      expect(await listed(whole)).toEqual(parts.map((_, i) => i));
      expect(launches).toBe(4);
    });
  });
});

describe('on an adapter with low limits', () => {
  it('results larger than a storage binding are refused, and joins take more launches', async () => {
    using low = await openDevice({ limits: { maxStorageBufferBindingSize: 4096, maxStorageBuffersPerShaderStage: 4 } });
    await scopeAsync(async () => {
      const parts = Array.from({ length: 5 }, (_, i) => Tensor.from(low, new Float32Array(200).fill(i), [200]));
      const refused = expect.objectContaining({ code: 'limit' });
      expect(() => concat([...parts, ...parts])).toThrowError(refused);
      expect(() => pad(parts[0]!, [[0, 1000]])).toThrowError(refused);
      const { dispatches } = low.counters;
      const whole = concat(parts);
      expect(low.counters.dispatches - dispatches).toBe(3);
      expect(await listed(whole)).toEqual(Array.from({ length: 1000 }, (_, i) => Math.floor(i / 200)));
    });
  });

  it('a table of more than one binding is read in blocks of rows', async () => {
    using low = await openDevice({ limits: { maxStorageBufferBindingSize: 4096 } });
    await scopeAsync(async () => {
      const blocks = [0, 64, 128].map((first) =>
        Tensor.from(
          low,
          Array.from({ length: 1024 }, (_, i) => first + Math.floor(i / 16)),
          [64, 16],
        ),
      );
      const rows = embedding(blocks, [191, 0, 64, 63]);
      expect(await listed(slice(rows, 1, 15, 16))).toEqual([191, 0, 64, 63]);
    });
  });
});
