import {
  compile,
  type Device,
  exp,
  formatProfile,
  matmul,
  profile,
  profileRows,
  Tensor,
  toChromeTrace,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const square = (size: number): Tensor => Tensor.from(device, new Float32Array(size * size), [size, size]);

describe('a profile', () => {
  it('has a row a kernel with its calls, its operations and its share, eager and compiled', async () => {
    const step = compile(device, (x: Tensor) => exp(matmul(matmul(x, x), x)), { fusion: false });
    const body = (): void => {
      const x = square(32);
      exp(matmul(matmul(x, x), x));
      step(x);
    };
    const result = await profile(device, body);
    expect(result.timings).toHaveLength(6);
    expect(result.rows.map(({ label, calls }) => [label, calls]).sort()).toEqual([
      ['tensor/exp', 2],
      ['tensor/matmul/nn', 4],
    ]);
    expect(result.timings.find(({ label }) => label === 'tensor/matmul/nn')!.flops).toBe(2 * 32 ** 3);
    expect(result.rows.reduce((total, { share }) => total + share, 0)).toBeCloseTo(1, 10);
    expect(formatProfile(result).split('\n')[0]).toMatch(/^kernel +calls +ms +us\/call +share +GFLOP\/s +GB\/s$/);
    step.dispose();
  });

  it('frees what the body makes', async () => {
    const before = device.memory.liveBuffers;
    await profile(device, () => {
      exp(square(8));
    });
    expect(device.memory.liveBuffers).toBe(before);
  });

  it('leaves the rate out where an operation count is not stated', () => {
    const timing = { label: 'a', startMicroseconds: 0, microseconds: 2, flops: undefined, bytes: 4000 };
    expect(profileRows([timing, { ...timing, flops: 10 }])).toEqual([
      { label: 'a', calls: 2, microseconds: 4, share: 1, gflops: undefined, gbps: 2 },
    ]);
  });
});

describe('a trace file', () => {
  it('has one complete event a launch, in order and without overlap', async () => {
    const { timings } = await profile(device, () => {
      const x = square(16);
      exp(matmul(x, x));
    });
    const { traceEvents } = JSON.parse(toChromeTrace(timings)) as {
      traceEvents: { ph: string; name: string; ts: number; dur: number }[];
    };
    const launches = traceEvents.filter(({ ph }) => ph === 'X');
    expect(launches.map(({ name }) => name)).toEqual(['tensor/matmul/nn', 'tensor/exp']);
    expect(launches[1]!.ts).toBeGreaterThanOrEqual(launches[0]!.ts + launches[0]!.dur);
  });
});
