import { grad } from '@dawngrad/autograd';
import { type Device, sqrt, sum, Tensor, traceNonFinite } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

it('the hunt for values that are not finite sees the ops of a backward pass', async () => {
  const x = Tensor.from(device, [0, 1, 2, 3], [2, 2]);
  const report = await traceNonFinite(device, () => {
    grad(() => sum(sqrt(x)), [x]);
  });
  // The root of 0 is finite, its slope is not.
  expect(report).toMatchObject({ index: [0, 0], value: Number.POSITIVE_INFINITY });
  expect(report!.op).not.toBe('sqrt');
  x.dispose();
});
