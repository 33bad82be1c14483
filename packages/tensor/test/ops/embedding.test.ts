import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { embedding, groupTokens, scatterAddInto, scatterAddIntoBlocks } from '../../src/ops/embedding.ts';
import { fill, zeros } from '../../src/ops/in-place.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { indexArray, normalArray } from '../../src/ops/reference.ts';
import { slice } from '../../src/ops/slice.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor, worstError } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('groupTokens', () => {
  it('lists the distinct ids in order, and for each its rows in order', async () => {
    await scopeAsync(async () => {
      const groups = groupTokens(device, new Uint32Array([7, 2, 7, 0, 2, 7]));
      expect(Array.from(await read(groups.distinct))).toEqual([0, 2, 7]);
      expect(Array.from(await read(groups.offsets))).toEqual([0, 1, 3, 6]);
      expect(Array.from(await read(groups.order))).toEqual([3, 1, 4, 0, 2, 5]);
    });
  });

  it('takes no tokens', async () => {
    await scopeAsync(async () => {
      const groups = groupTokens(device, new Uint32Array(0));
      expect(groups.distinct.size).toBe(0);
      expect(Array.from(await read(groups.offsets))).toEqual([0]);
    });
  });
});

describe.each([
  ['a table larger than the batch', 300, 40, 12],
  ['a batch larger than the table', 9, 120, 12],
  ['a width that is no multiple of four', 50, 60, 7],
])('scatterAddInto: %s', (_, vocabulary, tokens, width) => {
  it('adds every row onto what stands there, in a fixed order, with and without groups', async () => {
    await scopeAsync(async () => {
      const dy = normalArray(1, [tokens, width]);
      const ids = indexArray(2, [tokens], vocabulary);
      const expected = new Float64Array(vocabulary * width).fill(0.5);
      ids.data.forEach((id, n) => {
        for (let d = 0; d < width; d++) expected[id * width + d] = expected[id * width + d]! + dy.data[n * width + d]!;
      });
      const scatter = async (grouped: boolean): Promise<Float32Array> => {
        const table = zeros(device, [vocabulary, width]);
        fill(table, 0.5);
        const groups = grouped ? groupTokens(device, Uint32Array.from(ids.data)) : undefined;
        scatterAddInto(table, toTensor(device, dy), toTensor(device, ids), groups);
        return (await read(table)) as Float32Array;
      };
      const grouped = await scatter(true);
      expect(worstError(grouped, expected)).toBeLessThan(1e-5);
      expect(grouped).toEqual(await scatter(false));
      expect(grouped).toEqual(await scatter(true));
    });
  });
});

describe('scatterAddIntoBlocks', () => {
  it('adds to the blocks that are wanted what goes to the whole table, with and without groups', async () => {
    await scopeAsync(async () => {
      const [rows, tokens, width] = [70, 90, 8];
      const dy = toTensor(device, normalArray(1, [tokens, width]));
      const ids = indexArray(2, [tokens], rows + 3);
      for (const groups of [undefined, groupTokens(device, Uint32Array.from(ids.data))]) {
        const whole = zeros(device, [rows, width]);
        const index = toTensor(device, ids);
        scatterAddInto(whole, dy, index, groups);
        const first = zeros(device, [30, width]);
        const last = zeros(device, [25, width]);
        const blocks = [
          { first: 0, dTable: first },
          { first: 45, dTable: last },
        ];
        scatterAddIntoBlocks(blocks, rows, dy, index, groups);
        const [all, head, tail] = await readAll([whole, first, last]);
        expect(head).toEqual(all!.slice(0, 30 * width));
        expect(tail).toEqual(all!.slice(45 * width));
      }
    });
  });
});

describe('embedding of a table in 16 bits', () => {
  it.each(['f16', 'bf16'] as const)('widens %s in one launch a block: exactly the stored values', async (dtype) => {
    await scopeAsync(async () => {
      for (const width of [8, 5]) {
        const table = toTensor(device, { ...normalArray(3, [40, width]), dtype });
        const blocks = [0, 16].map((start, i) => slice(table, 0, start, i === 0 ? 16 : 40));
        const ids = Tensor.from(device, [0, 39, -1, 15, 16, 40, -41], [7], 'i32');
        const before = device.counters.dispatches;
        const wide = embedding(blocks, ids, { to: 'f32' });
        expect(device.counters.dispatches - before).toBe(2);
        expect(wide.dtype).toBe('f32');
        const [values, narrow] = await readAll([wide, embedding(blocks, ids)]);
        expect(values).toEqual(narrow);
        // 40 and -41 name no row.
        expect(Array.from(values!.slice(5 * width), Number.isNaN)).toEqual(new Array(2 * width).fill(true));
        expect(values!.slice(0, 5 * width).some((value) => value !== 0)).toBe(true);
      }
    });
  });

  it('refuses to widen integers', () => {
    const table = Tensor.from(device, [1, 2], [1, 2], 'i32');
    const ids = Tensor.from(device, [0], [1], 'u32');
    expect(() => embedding(table, ids, { to: 'f32' })).toThrowError(expect.objectContaining({ code: 'shape' }));
    table.dispose();
    ids.dispose();
  });
});
