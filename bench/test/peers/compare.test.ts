import { Device } from '@dawngrad/tensor';
import { createGpu } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { compare } from '../../src/peers/compare.ts';
import type { Contender } from '../../src/peers/contender.ts';
import { dawngradContender } from '../../src/peers/dawngrad.ts';
import { GpuCounter } from '../../src/peers/gpu-counts.ts';
import { workloads } from '../../src/peers/workload.ts';

const ONCE = { seconds: 0, minRuns: 1, maxRuns: 1 };
const FIRST_ONLY = { seconds: 0, minRuns: 0, maxRuns: 0 };

let device: Device;
let ours: Contender;
let counter: GpuCounter;
beforeAll(async () => {
  const gpu = createGpu();
  counter = new GpuCounter();
  device = await Device.open(gpu);
  ours = dawngradContender(device);
});
afterAll(() => device.close());

const workload = (name: string) => workloads.find((found) => found.name === name)!;

test.each(['matmul TN 509x509x509', 'attention forward+backward T256 H4 E64', 'gpt step B4 T64 V256'])(
  '%s: a library that does the same work gets a finding of its own, with counts and no difference',
  async (name) => {
    const findings = await compare(workload(name), [ours, { ...ours, name: 'the same again' }], counter, ONCE);
    expect(findings.map(({ library }) => library)).toEqual(['dawngrad', 'the same again']);
    for (const { time, dispatches, submits, newBuffers, peakBytes, details } of findings) {
      expect(time!.n).toBe(1);
      expect(dispatches).toBeGreaterThan(0);
      expect(submits).toBe(1);
      expect(newBuffers).toBe(0);
      expect(peakBytes).toBeGreaterThan(0);
      expect(details).toMatchObject({ difference: 0, passes: 1, new_pipelines: 0 });
    }
  },
);

test('a library that cannot do a workload has no finding', async () => {
  const { name, matmul } = ours;
  const findings = await compare(
    workload('gpt step B4 T64 V256'),
    [ours, { name: `${name} without training`, matmul }],
    counter,
    FIRST_ONLY,
  );
  expect(findings.map(({ library }) => library)).toEqual(['dawngrad']);
  expect(findings[0]!.time).toBeUndefined();
  expect(findings[0]!.details.first_ms).toBeGreaterThan(0);
});

test('other results than the first library has are an error that names the library', async () => {
  const wrong: Contender = {
    name: 'a wrong library',
    matmul: async (sizes) => {
      const right = await ours.matmul(sizes);
      return {
        ...right,
        run: async (isCheck) => (await right.run(isCheck)).map((values) => values.map((x) => x * 1.01)),
      };
    },
  };
  await expect(compare(workload('matmul NN 256x256x256'), [ours, wrong], counter, FIRST_ONLY)).rejects.toThrow(
    /on a wrong library: expected the results of dawngrad/,
  );
});
