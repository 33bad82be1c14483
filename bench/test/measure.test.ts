import { matmul } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { measureCeilings } from '../src/ceilings.ts';
import { measure } from '../src/measure.ts';
import { randomTensor } from '../src/values.ts';

let device: Awaited<ReturnType<typeof openDevice>>;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const EFFORT = { seconds: 0.01, minRuns: 3, maxRuns: 4 };

test('a recorded case counts its launches, submits and bytes and leaves nothing behind', async () => {
  const before = device.memory.liveBytes;
  const result = await measure(
    device,
    {
      name: 'two products',
      params: {},
      work: { flops: 1, bytes: 1 },
      prepare: (d) => {
        const a = randomTensor(d, [64, 64], 1);
        return { record: () => [matmul(matmul(a, a), a)], dispose: () => a.dispose() };
      },
    },
    EFFORT,
  );
  expect(result).toMatchObject({ dispatches: 2, submits: 1, newBuffers: 0, peakBytes: 3 * 64 * 64 * 4 });
  expect(result.time!.n).toBeGreaterThanOrEqual(2);
  expect(result.time!.min).toBeGreaterThan(0);
  expect(result.time!.median).toBeLessThanOrEqual(result.details.wall_median_ms as number);
  expect(device.memory.liveBytes).toBe(before);
});

test('an awaited case is timed by the clock alone', async () => {
  let runs = 0;
  const result = await measure(
    device,
    {
      name: 'waiting',
      params: {},
      work: { flops: 0, bytes: 0, tokens: 1 },
      prepare: () => ({
        run: async () => {
          runs++;
          await new Promise((resolve) => setTimeout(resolve, 5));
        },
        dispose: () => undefined,
      }),
    },
    EFFORT,
  );
  expect(result.details.clock).toBe('wall');
  expect(result.time!.median).toBeGreaterThan(4);
  expect(runs).toBe(result.time!.n + 2);
});

test('the ceilings are finite, and known ones are never lowered', async () => {
  const ceilings = await measureCeilings(device);
  expect(ceilings.gflops).toBeGreaterThan(0.1);
  expect(ceilings.gflops).toBeLessThan(1e6);
  expect(ceilings.gbytes).toBeGreaterThan(0.1);
  expect(await measureCeilings(device, { gflops: 1e7, gbytes: 0 })).toMatchObject({ gflops: 1e7 });
});
