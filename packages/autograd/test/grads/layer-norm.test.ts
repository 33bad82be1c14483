import { accumulateGradients, grad, Parameters, Tape } from '@dawngrad/autograd';
import {
  add,
  type Device,
  layerNorm,
  linear,
  multiply,
  read,
  readAll,
  scopeAsync,
  square,
  sum,
  type Tensor,
  tanh,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

describe('the gradient of a layer norm', () => {
  it('is two launches, takes the residual in and adds to the arenas', async () => {
    await scopeAsync(async () => {
      const [rows, width] = [70, 12];
      const parameters = new Parameters(
        device,
        'test',
        [
          { name: 'gain', shape: [width], decay: false },
          { name: 'bias', shape: [width], decay: false },
          { name: 'x', shape: [rows, width], decay: false },
        ],
        { trainable: true },
      );
      parameters.set('gain', Float32Array.from(normalArray(1, [width], 0.3, 1).data));
      parameters.set('x', Float32Array.from(normalArray(2, [rows, width]).data));
      const weights = toTensor(device, normalArray(3, [rows, width]));
      const [x, gain, bias] = ['x', 'gain', 'bias'].map((name) => parameters.get(name)) as [Tensor, Tensor, Tensor];
      // A residual stream: h goes into the norm and around it.
      const loss = (): Tensor => {
        const h = tanh(x);
        return sum(multiply(add(layerNorm(h, gain, bias, 1e-5), h), weights));
      };
      parameters.zeroGradients();
      accumulateGradients([parameters], () => ({ loss: loss() }));
      accumulateGradients([parameters], () => ({ loss: loss() }));
      const twice = await readAll(['gain', 'bias', 'x'].map((name) => parameters.gradient(name)!));
      const { gradients } = grad(loss, [gain, bias, x]);
      const once = await readAll(gradients);
      once.forEach((values, i) => {
        expect(
          worstError(
            twice[i]!,
            Float64Array.from(values, (v) => 2 * v),
          ),
        ).toBeLessThan(1e-5);
      });

      const tape = new Tape();
      const h = tanh(x);
      for (const tensor of [h, gain, bias]) tape.watch(tensor);
      const y = tape.record(() => add(layerNorm(h, gain, bias, 1e-5), h));
      const before = device.counters.dispatches;
      tape.backward([{ tensor: y, seed: weights }], parameters.destinations(), true, new Set());
      expect(device.counters.dispatches - before).toBe(2);
      parameters.dispose();
    });
  });

  it('can be differentiated again: a Hessian-vector product agrees with differences of the first', async () => {
    await scopeAsync(async () => {
      const [x0, gain, bias, w] = [
        normalArray(11, [3, 6]),
        normalArray(12, [6], 0.3, 1),
        normalArray(13, [6]),
        normalArray(14, [5, 6]),
      ];
      const [tGain, tBias, tw] = [gain, bias, w].map((array) => toTensor(device, array)) as [Tensor, Tensor, Tensor];
      const direction = normalArray(15, [3, 6]);
      const first = (x: Tensor): Tensor =>
        grad(() => sum(square(linear(tanh(layerNorm(x, tGain, tBias, 1e-5)), tw))), [x]).gradients[0]!;
      const x = toTensor(device, x0);
      const second = grad(() => sum(multiply(first(x), toTensor(device, direction))), [x]).gradients[0]!;
      const step = 2e-3;
      const at = async (sign: number): Promise<Float64Array> =>
        Float64Array.from(
          await read(
            first(
              toTensor(device, { shape: [3, 6], data: x0.data.map((v, i) => v + sign * step * direction.data[i]!) }),
            ),
          ),
        );
      const [above, below] = [await at(1), await at(-1)];
      const expected = above.map((v, i) => (v - below[i]!) / (2 * step));
      expect(worstError(await read(second), expected)).toBeLessThan(2e-3);
    });
  });
});
