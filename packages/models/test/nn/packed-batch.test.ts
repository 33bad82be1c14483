import { type Device, read, readAll, scopeAsync } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { packSequences } from '../../src/nn/packed-batch.ts';
import { tinyModel } from '../generate/tiny-model.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('packSequences', () => {
  it('lays sequences end to end, with positions, borders and the id that follows', async () => {
    await scopeAsync(async () => {
      const batch = packSequences(device, [[7, 8, 9], new Uint32Array([5]), [3, 3]]);
      const { ids, nextIds, positions, segments } = batch;
      const values = await readAll([ids, nextIds, positions, segments.start, segments.end]);
      expect(values.map((array) => Array.from(array))).toEqual([
        [7, 8, 9, 5, 3, 3],
        [8, 9, 9, 5, 3, 3],
        [0, 1, 2, 0, 0, 1],
        [0, 0, 0, 3, 4, 4],
        [3, 3, 3, 4, 6, 6],
      ]);
      expect(batch).toMatchObject({ rows: 6, lengths: [3, 1, 2], starts: [0, 3, 4], largestId: 9, device });
      for (const tensor of [ids, nextIds, positions, segments.start, segments.end]) {
        expect(tensor.dtype).toBe('u32');
        expect(tensor.shape).toEqual([6]);
      }
      const groups = await readAll([batch.groups.distinct, batch.groups.offsets, batch.groups.order]);
      expect(groups.map((array) => Array.from(array))).toEqual([
        [3, 5, 7, 8, 9],
        [0, 2, 3, 4, 5, 6],
        [4, 5, 3, 0, 1, 2],
      ]);
    });
  });

  it('refuses an empty sequence by its index', () => {
    expect(() => packSequences(device, [[1], [], [2]])).toThrowError(/at least one token, got an empty one at index 1/);
  });

  it('packs no sequences into nothing', async () => {
    await scopeAsync(async () => {
      const batch = packSequences(device, []);
      expect(batch).toMatchObject({ rows: 0, lengths: [], starts: [], largestId: -1 });
      expect((await read(batch.ids)).length).toBe(0);
    });
  });

  it('gives a model what it needs to refuse ids that its embedding does not have', async () => {
    const model = tinyModel(device);
    const last = model.config.vocabSize - 1;
    await scopeAsync(async () => {
      expect(model.hidden(packSequences(device, [[0, last]])).shape).toEqual([2, model.config.hiddenSize]);
      for (const bad of [last + 1, 2 ** 31, -1])
        expect(() => model.hidden(packSequences(device, [[0], [1, bad]]))).toThrowError(/token ids below 37, got \d+/);
    });
    model.dispose();
  });

  it('ends with the scope that it is made in', async () => {
    const before = device.memory.liveBuffers;
    await scopeAsync(async () => {
      packSequences(device, [[1, 2]]);
      expect(device.memory.liveBuffers).toBeGreaterThan(before);
    });
    expect(device.memory.liveBuffers).toBe(before);
  });
});
