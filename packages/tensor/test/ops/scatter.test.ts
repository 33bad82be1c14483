import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { setDebug } from '../../src/debug.ts';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { embedding } from '../../src/ops/embedding.ts';
import { gather } from '../../src/ops/gather.ts';
import { zeros } from '../../src/ops/in-place.ts';
import { indexSelect } from '../../src/ops/index-select.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { indexArray, normalArray, refArray } from '../../src/ops/reference.ts';
import { indexAdd, scatter, scatterAdd } from '../../src/ops/scatter.ts';
import { transpose } from '../../src/ops/view.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const listed = (x: Tensor): Promise<number[]> => read(x).then((values) => Array.from(values));
const launches = (): number => device.counters.dispatches;

describe.each([
  ['walked', 6, 40, 9],
  ['sorted in one block', 200, 200, 3],
  ['sorted in blocks that are merged', 300, 900, 5],
  ['all for one place', 1, 3000, 2],
  ['long slices', 70, 100, 40],
])('sources of %s', (_, size, count, lanes) => {
  const target = normalArray(1, [size, lanes]);
  const source = normalArray(3, [count, lanes], 1e3);

  /** One addition after another in f32, in ascending n. */
  function summed(indexOf: (n: number, lane: number) => number): Float32Array {
    const out = Float32Array.from(target.data);
    source.data.forEach((value, i) => {
      const to = indexOf(Math.floor(i / lanes), i % lanes) * lanes + (i % lanes);
      out[to] = out[to]! + value;
    });
    return out;
  }

  it('add up in their order, to the last bit, also from views', async () => {
    await scopeAsync(async () => {
      const index = indexArray(2, [count, lanes], size);
      const [on, to, from] = [target, index, source].map((array) => toTensor(device, array)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const across = scatterAdd(transpose(on), 1, transpose(to), transpose(from));
      const [along, turned] = await readAll([scatterAdd(on, 0, to, from), transpose(across)]);
      expect(along).toEqual(summed((n, lane) => index.data[n * lanes + lane]!));
      expect(turned).toEqual(along);
    });
  });

  it('add up as whole slices', async () => {
    await scopeAsync(async () => {
      const index = indexArray(2, [count], size);
      const [on, to, from] = [target, index, source].map((array) => toTensor(device, array)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const across = indexAdd(transpose(on), 1, to, transpose(from));
      const [along, turned] = await readAll([indexAdd(on, 0, to, from), transpose(across)]);
      expect(along).toEqual(summed((n) => index.data[n]!));
      expect(turned).toEqual(along);
    });
  });

  it('are set so that the last one stays', async () => {
    await scopeAsync(async () => {
      const index = indexArray(2, [count, lanes], size);
      const [on, to, from] = [target, index, source].map((array) => toTensor(device, array)) as [
        Tensor,
        Tensor,
        Tensor,
      ];
      const expected = Float32Array.from(target.data);
      source.data.forEach((value, i) => {
        expected[index.data[i]! * lanes + (i % lanes)] = value;
      });
      expect(await read(scatter(on, 0, to, from))).toEqual(expected);
    });
  });
});

describe('the launches of a scatter', () => {
  it('are one where there is little to compare, else a sort of the indices and one more', async () => {
    await scopeAsync(async () => {
      const count = (size: number, n: number, width = 4): number => {
        const [on, from] = [size, n].map((rows) => zeros(device, [rows, width])) as [Tensor, Tensor];
        const to = toTensor(device, indexArray(1, [n], size));
        const before = launches();
        indexAdd(on, 0, to, from);
        return launches() - before;
      };
      expect([count(10, 8), count(1000, 1000), count(1000, 5000)]).toEqual([1, 2, 5]);
      // Long slices are worth one more, which finds where the sources of each begin.
      expect(count(1000, 1000, 16)).toBe(3);
      await device.finish();
    });
  });
});

describe('an index that names no element', () => {
  it('reads as NaN, or 0, or what was asked for, and is not written', async () => {
    await scopeAsync(async () => {
      const signed = toTensor(device, refArray([4], [0, -1, 3, -4], 'i32'));
      const unsigned = toTensor(device, refArray([4], [0, 2, 3, 2 ** 32 - 1], 'u32'));
      const x = Tensor.from(device, [1, 2, 3], [3]);
      const ids = Tensor.from(device, [1, 2, 3], [3], 'i32');
      const table = Tensor.from(device, [1, 2, 3], [3, 1], 'f16');
      const ten = Tensor.from(device, [10, 20, 30, 40], [4]);
      const results: [Tensor, number[]][] = [
        [indexSelect(x, 0, signed), [1, 3, Number.NaN, Number.NaN]],
        [indexSelect(x, 0, unsigned), [1, 3, Number.NaN, Number.NaN]],
        [indexSelect(ids, 0, signed), [1, 3, 0, 0]],
        [gather(x, 0, signed, 7), [1, 3, 7, 7]],
        [embedding(table, signed), [1, 3, Number.NaN, Number.NaN]],
        [scatterAdd(x, 0, signed, ten), [11, 2, 23]],
        [scatter(x, 0, unsigned, ten), [10, 2, 20]],
        [indexAdd(x, 0, signed, ten), [11, 2, 23]],
      ];
      const values = await readAll(results.map(([tensor]) => tensor));
      results.forEach(([, expected], i) => {
        expect(Array.from(values[i]!)).toEqual(expected);
      });
    });
  });

  it('is dropped by the sorted sums too, and does not disturb the others', async () => {
    await scopeAsync(async () => {
      const count = 3000;
      const index = refArray(
        [count],
        Array.from({ length: count }, (_, n) => (n % 3 === 0 ? 2 ** 32 - 1 : n % 3 === 1 ? n % 100 : 100 + n)),
        'u32',
      );
      const ones = refArray([count, 8], new Float64Array(count * 8).fill(1));
      const zero = refArray([100, 8], new Float64Array(800));
      const sums = await listed(indexAdd(toTensor(device, zero), 0, toTensor(device, index), toTensor(device, ones)));
      expect(sums).toEqual(Array.from({ length: 800 }, () => 10));
    });
  });

  it('is refused at once where the indices are numbers', async () => {
    await scopeAsync(async () => {
      const x = Tensor.from(device, [1, 2, 3], [3, 1]);
      for (const bad of [[0, 3], [-4], [0.5], new Int32Array([5])])
        for (const use of [
          () => indexSelect(x, 0, bad),
          () => embedding(x, bad),
          () => indexAdd(x, 0, bad, Tensor.empty(device, [bad.length, 1], 'f32', 'test')),
        ])
          expect(use).toThrowError(expect.objectContaining({ code: 'shape' }));
      expect(await listed(indexSelect(x, 0, [2, -3]))).toEqual([3, 1]);
    });
  });

  it('is reported by the next readback while indices are checked, with op, index and position', async () => {
    // A device of its own: its flags live as long as it does.
    using own = await openDevice();
    setDebug({ checkIndices: true });
    try {
      await scopeAsync(async () => {
        const x = Tensor.from(own, [1, 2, 3], [3]);
        const good = Tensor.from(own, [0, 2, -3], [3], 'i32');
        const bad = Tensor.from(own, [0, 2, -4, 3], [4], 'i32');
        expect(Array.from(await read(indexSelect(x, 0, good)))).toEqual([1, 3, 1]);
        const y = indexSelect(x, 0, bad);
        await expect(read(y)).rejects.toMatchObject({
          code: 'shape',
          message: expect.stringMatching(/^indexSelect: expected indices in \[-3, 3\), got -4 at position 2/),
        });
        // Told once; the next failure is a new one.
        expect(Array.from(await read(indexSelect(x, 0, good)))).toEqual([1, 3, 1]);
        scatterAdd(x, 0, Tensor.from(own, [9], [1], 'u32'), Tensor.from(own, [1], [1]));
        await expect(read(x)).rejects.toMatchObject({ message: expect.stringMatching(/^scatterAdd: .* got 9 at/) });
        expect(Array.from(await read(embedding(Tensor.from(own, [5], [1, 1]), [0])))).toEqual([5]);
      });
    } finally {
      setDebug({ checkIndices: false });
    }
  });
});

describe('gather and indexSelect', () => {
  it('broadcast the other dimensions, and take indices of any rank', async () => {
    await scopeAsync(async () => {
      const x = Tensor.from(device, [1, 2, 3, 4, 5, 6], [2, 3]);
      const one = Tensor.from(device, [2, 0], [1, 2], 'u32');
      const picked = gather(x, 1, one);
      expect(picked.shape).toEqual([2, 2]);
      const square = indexSelect(x, 1, Tensor.from(device, [0, 1, 2, 2], [2, 2], 'u32'));
      expect(square.shape).toEqual([2, 2, 2]);
      expect(await listed(picked)).toEqual([3, 1, 6, 4]);
      expect(await listed(square)).toEqual([1, 2, 3, 3, 4, 5, 6, 6]);
    });
  });
});

describe('embedding', () => {
  it('reads a table in blocks of rows, also of 16-bit elements with an odd width', async () => {
    await scopeAsync(async () => {
      const blocks = [[1, 2, 3, 4, 5, 6], [], [7, 8, 9]].map((data) =>
        Tensor.from(device, data, [data.length / 3, 3], 'bf16'),
      );
      const ids = Tensor.from(device, [2, 0, 1, 2, 5], [5], 'u32');
      const nan = [Number.NaN, Number.NaN, Number.NaN];
      expect(await listed(embedding(blocks, ids))).toEqual([7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, ...nan]);
      const batched = embedding(blocks, Tensor.from(device, [1, -1], [2, 1], 'i32'));
      expect(batched.shape).toEqual([2, 1, 3]);
      expect(await listed(batched)).toEqual([4, 5, 6, 7, 8, 9]);
    });
  });
});
