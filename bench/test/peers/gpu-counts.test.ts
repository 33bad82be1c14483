import { matmul, readScalar, sum } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { expect, test } from 'vitest';
import { GpuCounter } from '../../src/peers/gpu-counts.ts';
import { randomTensor } from '../../src/values.ts';

test("counts at WebGPU's own methods what the device counts itself, and buffers by their owner", async () => {
  const device = await openDevice();
  const counter = new GpuCounter();
  counter.begin('somebody else');
  const unrelated = randomTensor(device, [1024], 3);
  counter.begin('dawngrad');
  const before = device.counters;
  const a = randomTensor(device, [64, 64], 1);
  const product = matmul(a, a);
  const total = await readScalar(sum(product));
  const after = device.counters;
  expect(Number.isFinite(total)).toBe(true);
  expect(counter.counts.dispatches).toBe(after.dispatches - before.dispatches);
  expect(counter.counts.submits).toBe(after.submits - before.submits);
  expect(counter.counts.passes).toBe(after.passes - before.passes);
  expect(counter.peakBytes('somebody else')).toBe(unrelated.storage.bytes);
  expect(counter.peakBytes('dawngrad')).toBeGreaterThanOrEqual(a.storage.bytes + product.storage.bytes);
  device.close();
  counter.resetPeak('dawngrad');
  expect(counter.peakBytes('dawngrad')).toBe(0);
});
