import { describe, expect, it } from 'vitest';
import { Device, dryGpu, linear, read, scope, Tensor, zeros } from '../../src/index.ts';
import { openDevice } from '../../src/node.ts';

/** Some work with buffers that come and go. */
async function work(device: Device): Promise<void> {
  const w = Tensor.from(device, new Float32Array(300 * 200).fill(0.01), [300, 200], 'f32', 'test/weights');
  const y = scope(() => {
    const x = zeros(device, [70, 200], 'test/input');
    return linear(linear(x, w), zeros(device, [40, 300], 'test/second'));
  });
  expect((await read(y)).length).toBe(70 * 40);
  y.dispose();
}

describe('a dry GPU', () => {
  it('counts what a real one allocates, launches and computes', async () => {
    using real = await openDevice();
    using dry = await Device.open(
      dryGpu({
        adapterClass: real.adapterClass,
        features: [...real.features],
        limits: { maxStorageBufferBindingSize: real.limits.maxStorageBufferBindingSize },
      }),
    );
    real.pool.tracksPeak = true;
    dry.pool.tracksPeak = true;
    await work(real);
    await work(dry);
    const { budgetBytes: _, ...expected } = real.memory;
    expect(dry.memory).toMatchObject(expected);
    expect(dry.memory.peakOwners!.map(({ label }) => label)).toContain('test/weights');
    const { dispatches, submits, flops } = real.counters;
    expect(dry.counters).toMatchObject({ dispatches, submits, flops });
    expect(flops).toBe(2 * 70 * 200 * 300 + 2 * 70 * 300 * 40);
  });

  it('holds weights that no memory could', async () => {
    using dry = await Device.open(dryGpu({ adapterClass: 'gpu' }), { budgetBytes: 2 ** 50 });
    const parts = Array.from({ length: 1000 }, () => Tensor.empty(dry, [2 ** 28], 'f32', 'test/huge'));
    expect(dry.memory.liveBytes).toBe(1000 * 2 ** 30);
    for (const part of parts) part.dispose();
    expect(dry.memory.liveBytes).toBe(0);
  });
});

describe('owners at the peak', () => {
  it('are those of the moment with most bytes, not of the end', async () => {
    using dry = await Device.open(dryGpu({ adapterClass: 'gpu' }));
    expect(dry.memory.peakOwners).toEqual([]);
    dry.pool.tracksPeak = true;
    const a = Tensor.empty(dry, [1024], 'f32', 'a');
    const b = Tensor.empty(dry, [2048], 'f32', 'b');
    a.dispose();
    b.dispose();
    Tensor.empty(dry, [512], 'f32', 'c').dispose();
    const { peakOwners, peakLiveBytes } = dry.memory;
    expect(peakOwners!.map(({ label, bytes }) => [label, bytes])).toEqual([
      ['b', 8192],
      ['a', 4096],
    ]);
    expect(peakLiveBytes).toBe(12_288);
  });
});
