import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Job } from '../../src/job.ts';
import { compilerPassJobs } from '../../src/tune/compiler-passes.ts';
import { matmulTuneJobs } from '../../src/tune/tune-matmul.ts';

let device: Awaited<ReturnType<typeof openDevice>>;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const run = (jobs: readonly Job[], text: string) =>
  jobs
    .find(({ name }) => name.includes(text))!
    .run({ device, isQuick: true, effort: { seconds: 0, minRuns: 1, maxRuns: 1 }, note: () => undefined });

test('every candidate of a matmul has a row, one of them is the static choice, and nothing stays behind', async () => {
  const before = device.memory.liveBytes;
  const findings = await run(matmulTuneJobs, 'NN 256x256x256');
  const ids = findings.map(({ params }) => params.candidate);
  expect(ids.length).toBeGreaterThan(3);
  expect(new Set(ids).size).toBe(ids.length);
  const [chosen, ...others] = findings.filter(({ details }) => details.is_static_choice);
  expect(others).toEqual([]);
  expect(chosen!.details.times_static_choice).toBe(1);
  expect(findings.filter(({ details }) => details.is_pick)).toHaveLength(1);
  expect(device.memory.liveBytes).toBe(before);
});

test('each setting of the compiler has a row, and the pass that a case is made for saves launches', async () => {
  const before = device.memory.liveBytes;
  const launches = async (text: string): Promise<Record<string, number>> => {
    const findings = await run(compilerPassJobs, text);
    return Object.fromEntries(findings.map(({ params, dispatches }) => [params.setting, dispatches!]));
  };
  const chain = await launches('a pointwise chain');
  expect(chain['all passes']).toBe(1);
  expect(chain['without fusion']).toBe(5);
  const products = await launches('four small products');
  expect(products['all passes']).toBeLessThan(products['without merging']!);
  expect(device.memory.liveBytes).toBe(before);
});
