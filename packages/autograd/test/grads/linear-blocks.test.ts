import { accumulateGradients, Parameters } from '@dawngrad/autograd';
import {
  add,
  type Device,
  linear,
  multiply,
  quantizeMatrix,
  read,
  scope,
  scopeAsync,
  sum,
  Tensor,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const values = (seed: number, shape: readonly number[]) => Float32Array.from(normalArray(seed, [...shape]).data);

describe('the gradient of linear with a weight in blocks', () => {
  it('lands in the arena of each block and adds to what x has already, as that of the whole weight', async () => {
    const [rows, columns, count] = [128 + 24, 16, 6];
    const weight = values(1, [rows, columns]);
    const run = async (heights: readonly number[]): Promise<Float32Array[]> => {
      const parameters = new Parameters(
        device,
        'test/blocks',
        [
          { name: 'x', shape: [count, columns], decay: false },
          ...heights.map((height, i) => ({ name: `w${i}`, shape: [height, columns], decay: true })),
        ],
        { trainable: true },
      );
      let end = 0;
      heights.forEach((height, i) => {
        end += height;
        parameters.set(`w${i}`, weight.slice((end - height) * columns, end * columns));
      });
      parameters.set('x', values(2, [count, columns]));
      const blocks = heights.map((_, i) => parameters.get(`w${i}`));
      return scopeAsync<Float32Array[]>(async () => {
        const seed = toTensor(device, normalArray(3, [count, rows]));
        scope(() =>
          accumulateGradients([parameters], () => {
            // x twice: the second product takes in what the first one gave.
            const x = multiply(parameters.get('x'), Tensor.from(device, [1], []));
            return { loss: sum(multiply(add(linear(x, blocks), linear(x, blocks)), seed)) };
          }),
        );
        const names = heights.map((_, i) => `w${i}`);
        const found = await Promise.all(['x', ...names].map((name) => read(parameters.gradient(name)!)));
        parameters.dispose();
        const flat = found.slice(1).flatMap((part) => Array.from(part));
        return [found[0] as Float32Array, Float32Array.from(flat)];
      });
    };
    const [whole, parts] = [await run([rows]), await run([128, 24])];
    whole.forEach((gradient, i) => {
      expect(worstError(parts[i]!, Float64Array.from(gradient))).toBeLessThan(1e-6);
    });
  });

  it('takes one launch a block for x, whatever the format', () => {
    scope(() => {
      const parameters = new Parameters(device, 'test/x', [{ name: 'x', shape: [4, 64], decay: false }], {
        trainable: true,
      });
      const blocks = [128, 64].map((rows) => quantizeMatrix(device, values(4, [rows, 64]), [rows, 64], 'nf4'));
      const launches = (weights: typeof blocks): number => {
        const before = device.counters.dispatches;
        accumulateGradients([parameters], () => ({ loss: sum(linear(parameters.get('x'), weights)) }));
        return device.counters.dispatches - before;
      };
      // One more forward, one more backward.
      expect(launches(blocks) - launches(blocks.slice(0, 1))).toBe(2);
      parameters.dispose();
    });
  });
});
