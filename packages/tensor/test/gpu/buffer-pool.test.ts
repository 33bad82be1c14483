import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import type { Storage } from '../../src/gpu/buffer-pool.ts';
import type { Device, DeviceOptions } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { fill, zeros } from '../../src/ops/in-place.ts';
import { read } from '../../src/ops/read.ts';
import { Tensor } from '../../src/tensor.ts';

const MIB = 2 ** 20;
const opened: Device[] = [];
afterEach(() => {
  for (const device of opened.splice(0)) device.close();
});
async function fresh(options: DeviceOptions = {}): Promise<Device> {
  const device = await openDevice(options);
  opened.push(device);
  return device;
}

describe('the buffer pool', () => {
  it('reuses the buffer that was freed last, within a size class', async () => {
    const { pool } = await fresh();
    const [a, b] = [pool.allocate(1000, 'a'), pool.allocate(1000, 'b')];
    pool.release(a);
    pool.release(b);
    expect(pool.allocate(900, 'c')).toBe(b);
    expect(pool.allocate(1024, 'd')).toBe(a);
    expect(pool.created).toBe(2);
    expect(pool.allocate(5000, 'e')).not.toBe(a);
  });

  it('keeps a buffer until its last reference is gone', async () => {
    const { pool } = await fresh();
    const a = pool.allocate(256, 'a');
    pool.retain(a);
    pool.release(a);
    expect(pool.report().liveBuffers).toBe(1);
    pool.release(a);
    expect(pool.report().liveBuffers).toBe(0);
  });

  it('gives an upload no buffer that a waiting launch uses, though a launch may have it', async () => {
    const device = await fresh();
    const { pool } = device;
    const x = zeros(device, [64]);
    const { storage } = x;
    x.dispose();
    expect(pool.allocateForUpload(256, 'upload')).not.toBe(storage);
    expect(pool.allocate(256, 'launch')).toBe(storage);
    pool.release(storage);
    await device.flush();
    expect(pool.allocateForUpload(256, 'upload')).toBe(storage);
  });

  it('keeps a ledger that equals the sum of its buffers, for any order of calls', async () => {
    const { pool } = await fresh();
    fc.assert(
      fc.property(fc.array(fc.record({ bytes: fc.nat(70_000), free: fc.nat(5), trim: fc.nat(20) })), (calls) => {
        const held: Storage[] = [];
        let peak = pool.report().liveBytes;
        pool.resetPeak();
        for (const { bytes, free, trim } of calls) {
          const storage = pool.allocate(bytes, `${bytes}`);
          // At most an eighth is wasted, beyond the smallest class and whole steps of 256 bytes.
          expect(storage.bytes).toBeGreaterThanOrEqual(bytes);
          expect(storage.bytes).toBeLessThanOrEqual(Math.max(256, bytes + 256, bytes * 1.125));
          held.push(storage);
          peak = Math.max(peak, pool.report().liveBytes);
          if (free > 2) pool.release(held.splice(free % held.length, 1)[0]!);
          if (trim === 0) pool.trim();
          const live = held.reduce((total, item) => total + item.bytes, 0);
          expect(pool.report()).toMatchObject({ liveBytes: live, liveBuffers: held.length, peakLiveBytes: peak });
          expect(pool.report().reservedBytes).toBeGreaterThanOrEqual(live);
          expect(pool.byLabel().reduce((total, row) => total + row.bytes, 0)).toBe(live);
        }
        for (const storage of held) pool.release(storage);
        pool.trim();
        expect(pool.report()).toMatchObject({ liveBytes: 0, liveBuffers: 0, reservedBytes: 0 });
      }),
      { numRuns: 40, seed: 11 },
    );
  });

  it('remembers the largest allocation and who made it', async () => {
    const { pool } = await fresh();
    pool.allocate(3 * MIB, 'large');
    pool.allocate(MIB, 'small');
    expect(pool.report()).toMatchObject({ largestBytes: 3 * MIB, largestLabel: 'large' });
    pool.resetPeak();
    pool.allocate(2 * MIB, 'later');
    expect(pool.report()).toMatchObject({ largestBytes: 2 * MIB, largestLabel: 'later', peakLiveBytes: 6 * MIB });
  });

  it('refuses what passes the budget, with the largest owners, and can go on', async () => {
    const device = await fresh({ budgetBytes: 4 * MIB });
    const hold = Tensor.empty(device, [MIB / 2], 'f32', 'test/weights');
    Tensor.empty(device, [MIB / 4], 'f32', 'test/cache');
    expect(() => Tensor.empty(device, [MIB / 2], 'f32', 'test/too-much')).toThrowError(
      /test\/too-much: expected at most 4\.0 MiB .* got 5\.0 MiB; largest owners: test\/weights 2\.0 MiB, test\/cache 1\.0 MiB/,
    );
    expect(device.state).toBe('ready');
    hold.dispose();
    const again = Tensor.empty(device, [MIB / 2], 'f32', 'test/again');
    fill(again, 1);
    expect((await read(again))[0]).toBe(1);
  });

  it('gives free buffers of other sizes up before it refuses, but none that a launch waits for', async () => {
    const device = await fresh({ budgetBytes: 4 * MIB });
    const idle = Tensor.empty(device, [MIB / 2], 'f32', 'test/idle');
    const waiting = zeros(device, [MIB / 4], 'test/waiting');
    idle.dispose();
    const result = Tensor.empty(device, [4], 'f32', 'test/result');
    waiting.dispose();
    const large = Tensor.empty(device, [(5 * MIB) / 8], 'f32', 'test/large');
    expect(device.memory.reservedBytes).toBeLessThanOrEqual(4 * MIB);
    fill(large, 2);
    fill(result, 1);
    expect((await read(result))[0]).toBe(1);
    expect(device.state).toBe('ready');
    // The launch into the 1 MiB buffer is done: now that one may go too.
    large.dispose();
    Tensor.empty(device, [(7 * MIB) / 8], 'f32', 'test/nearly-all');
    await device.finish();
  });

  it('refuses one buffer that no kernel could bind', async () => {
    const device = await fresh();
    const limit = device.limits.maxStorageBufferBindingSize;
    expect(() => Tensor.empty(device, [limit / 4 + 1], 'f32', 'test/huge')).toThrowError(
      expect.objectContaining({
        code: 'limit',
        message: expect.stringContaining(`at most ${limit} bytes in one binding`),
      }),
    );
    expect(device.memory.liveBytes).toBe(0);
  });
});
