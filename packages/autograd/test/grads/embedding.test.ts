import { accumulateGradients, grad, Parameters } from '@dawngrad/autograd';
import { type Device, embedding, groupTokens, multiply, readAll, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { indexArray, normalArray, toTensor } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const [ROWS, WIDTH, TOKENS] = [50, 12, 33];

describe('the gradient of embedding by a table in blocks', () => {
  it('lands in the arena of each block, exactly as that of the whole table', async () => {
    const gradients = async (heights: readonly number[], grouped: boolean): Promise<Float32Array> => {
      const specs = heights.map((height, i) => ({ name: `t${i}`, shape: [height, WIDTH], decay: true }));
      const parameters = new Parameters(device, 'test/table', specs, { trainable: true });
      return scopeAsync<Float32Array>(async () => {
        const ids = indexArray(1, [TOKENS], ROWS);
        const groups = grouped ? { groups: groupTokens(device, Uint32Array.from(ids.data)) } : {};
        const weights = toTensor(device, normalArray(2, [TOKENS, WIDTH]));
        const blocks = specs.map(({ name }) => parameters.get(name));
        const index = toTensor(device, ids);
        accumulateGradients([parameters], () => ({
          loss: sum(multiply(embedding(blocks, index, groups), weights)),
        }));
        const found = await readAll(specs.map(({ name }) => parameters.gradient(name)!));
        parameters.dispose();
        return Float32Array.from(found.flatMap((part) => Array.from(part)));
      });
    };
    const whole = await gradients([ROWS], false);
    expect(whole.some((value) => value !== 0)).toBe(true);
    for (const grouped of [false, true]) expect(await gradients([16, 32, 2], grouped)).toEqual(whole);
  });

  it('of 16-bit tables that are widened is f32', async () => {
    await scopeAsync(async () => {
      const table = Tensor.from(device, Float32Array.from(normalArray(3, [4, 6]).data), [4, 6], 'bf16');
      const ids = Tensor.from(device, [1, 1, 3], [3], 'u32');
      const { gradients } = grad(() => sum(embedding(table, ids, { to: 'f32' })), [table]);
      const [values] = await readAll(gradients);
      expect(gradients[0]!.dtype).toBe('f32');
      expect(Array.from(values!)).toEqual([0, 2, 0, 1].flatMap((count) => new Array(6).fill(count)));
    });
  });
});
