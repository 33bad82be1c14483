import { add, affine, compile, type Device, exp, readAll, Scalar, scopeAsync, Tensor, zeros } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const row = (...values: number[]): Tensor => Tensor.from(device, values, [values.length]);

describe('work on constants', () => {
  it('is done once, and its result is there at every replay', async () => {
    const step = compile(device, (x: Tensor) => add(x, exp(affine(row(0, 0, 0), 1, 0))));
    for (const value of [1, 5]) {
      await scopeAsync(async () => {
        expect([...(await readAll([step(row(value, value, value))]))[0]!]).toEqual([value + 1, value + 1, value + 1]);
      });
    }
    expect(step.plans[0]!.launches).toHaveLength(1);
    step.dispose();
  });

  it('is done each time where it depends on a scalar cell', async () => {
    const factor = new Scalar(2);
    const step = compile(device, (x: Tensor) => add(x, affine(row(1, 1), factor, 0)));
    for (const value of [2, 3]) {
      factor.value = value;
      await scopeAsync(async () => {
        expect([...(await readAll([step(row(1, 1))]))[0]!]).toEqual([1 + value, 1 + value]);
      });
    }
    step.dispose();
  });

  it('is done each time where its result is returned: it belongs to the caller', async () => {
    const step = compile(device, () => zeros(device, [4]));
    await scopeAsync(async () => {
      const [first, second] = [step(), step()];
      expect(first.storage).not.toBe(second.storage);
      expect(await readAll([first, second])).toEqual([new Float32Array(4), new Float32Array(4)]);
    });
    step.dispose();
  });
});
