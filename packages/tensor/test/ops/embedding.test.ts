import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { groupTokens, scatterAddInto } from '../../src/ops/embedding.ts';
import { fill, zeros } from '../../src/ops/in-place.ts';
import { read } from '../../src/ops/read.ts';
import { indexArray, normalArray } from '../../src/ops/reference.ts';
import { scopeAsync } from '../../src/scope.ts';
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
