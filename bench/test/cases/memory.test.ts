import { scope } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { memoryCases } from '../../src/cases/memory.ts';

let device: Awaited<ReturnType<typeof openDevice>>;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Most bytes at once of attention forward and backward, inputs and gradients included. */
async function peakOf(tokens: number): Promise<number> {
  const prepared = memoryCases.find(({ params }) => params.tokens === tokens && params.headDim === 64)!.prepare(device);
  if (!('record' in prepared)) throw new Error('a recorded case was expected');
  scope(prepared.record);
  await device.finish();
  device.pool.resetPeak();
  scope(prepared.record);
  await device.finish();
  const { peakLiveBytes } = device.memory;
  prepared.dispose();
  return peakLiveBytes;
}

test('attention of 2048 tokens, 4 heads of 64, takes 20 MB, and of half of them half of that', async () => {
  const [half, whole] = [await peakOf(1024), await peakOf(2048)];
  expect(whole).toBeLessThanOrEqual(20e6);
  expect(whole / half).toBeLessThan(2.02);
});
