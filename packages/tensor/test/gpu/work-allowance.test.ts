import { describe, expect, it } from 'vitest';
import { WorkAllowance } from '../../src/gpu/work-allowance.ts';
import { linear, read, Tensor } from '../../src/index.ts';
import { openDevice } from '../../src/node.ts';

describe('WorkAllowance', () => {
  it('grows with what the device was given, and falls to zero once that is done', () => {
    const allowance = new WorkAllowance('cpu');
    expect(allowance.allowedMs).toBe(0);
    allowance.add({ flops: 1e9, bytes: 1e8 });
    expect(allowance.allowedMs).toBe(4000);
    const atRead = allowance.allowedMs;
    allowance.add({ flops: 5e8 });
    allowance.finished(atRead);
    expect(allowance.allowedMs).toBe(1000);
    allowance.finished(2000);
    expect(allowance.allowedMs).toBe(0);
  });

  it('fills a list by its operations alone, until it is submitted', () => {
    const allowance = new WorkAllowance('cpu');
    for (let i = 0; i < 19; i++) allowance.add({ flops: 1e9, bytes: 1e12 });
    expect(allowance.isListFull).toBe(false);
    allowance.add({ flops: 1e9 });
    expect(allowance.isListFull).toBe(true);
    allowance.submitted();
    expect(allowance.isListFull).toBe(false);
  });
});

describe('a device', () => {
  it('submits heavy work before it is read, so that it starts early', async () => {
    using device = await openDevice();
    const side = 1024;
    const x = Tensor.from(device, new Float32Array(side * side), [side, side]);
    // The first use compiles: a list waits for its pipelines.
    await read(linear(x, x));
    const before = device.counters.submits;
    const each = 2 * side ** 3;
    const limit = device.adapterClass === 'cpu' ? 2e10 : 5e11;
    const launches = Math.ceil(limit / each);
    for (let i = 0; i < launches; i++) linear(x, x).dispose();
    expect(device.counters.submits - before).toBe(1);
    linear(x, x).dispose();
    expect(device.counters.submits - before).toBe(1);
    await device.finish();
    expect(device.counters.submits - before).toBe(2);
  });
});
