import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { ToolError } from '../../src/errors.ts';
import type { Storage } from '../../src/gpu/buffer-pool.ts';
import type { Device, DeviceOptions } from '../../src/gpu/device.ts';
import { formatMemory } from '../../src/gpu/memory-report.ts';
import { openDevice } from '../../src/node.ts';
import { fill, zeros } from '../../src/ops/in-place.ts';
import { matmul } from '../../src/ops/matmul.ts';
import { read } from '../../src/ops/read.ts';
import { compile } from '../../src/plan/compile.ts';
import { keep, scope } from '../../src/scope.ts';
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

/** The hint of the refusal that `body` meets. */
function hintOf(body: () => unknown): string | undefined {
  try {
    scope(body);
  } catch (error) {
    if (error instanceof ToolError && error.code === 'limit') return error.detail.hint;
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('the remedies of a full memory', () => {
  const empty = (device: Device, mib: number, label: string): Tensor =>
    Tensor.empty(device, [(mib * MIB) / 4], 'f32', label);

  it('begin with free buffers that waiting launches use, which a submit gives up', async () => {
    const device = await fresh({ budgetBytes: 4 * MIB });
    empty(device, 1, 'test/weights');
    zeros(device, [MIB / 2], 'test/waiting').dispose();
    expect(hintOf(() => keep(empty(device, 2.5, 'test/more')))).toBe(
      '1.5 MiB are missing. (1) submit first (await device.flush()), which gives free buffers up that recorded ' +
        'launches still use: 2.0 MiB, enough; (2) halve the batch, if the 2.5 MiB of this step grow with it: about ' +
        '1.3 MiB; (3) dispose of test/weights (1 buffer): 1.0 MiB. Or open the device with a larger budgetBytes (DAWNGRAD_MEMORY_GIB).',
    );
    await device.flush();
    empty(device, 2.5, 'test/more').dispose();
    await device.finish();
  });

  it('name the arenas of compiled steps, whose disposal gives what was said', async () => {
    const budgetBytes = 8 * MIB;
    const device = await fresh({ budgetBytes });
    const x = zeros(device, [512, 512], 'test/x');
    const step = compile(device, (a: Tensor) => matmul(matmul(a, a), a));
    step(x).dispose();
    await device.finish();
    device.pool.trim();
    const arenas = device.memory.owners.filter(({ label }) => label.startsWith('tensor/plan-arena-'));
    const arenaBytes = arenas.reduce((total, { bytes }) => total + bytes, 0);
    expect(arenaBytes).toBeGreaterThanOrEqual(MIB);
    // As much as fits once the arenas are gone, in whole size classes.
    const request = Math.floor((budgetBytes - device.memory.reservedBytes + arenaBytes) / (MIB / 2)) / 2;
    const hint = hintOf(() => keep(empty(device, request, 'test/more')));
    expect(hint).toContain(
      `(1) dispose of all compiled steps, for their arenas: ${(arenaBytes / MIB).toFixed(1)} MiB, enough; (2)`,
    );
    step.dispose();
    empty(device, request, 'test/more').dispose();
    await device.finish();
  });

  it('estimate what half a batch saves from what the open scope has allocated', async () => {
    const device = await fresh({ budgetBytes: 4 * MIB });
    empty(device, 1, 'test/weights');
    const batch = (size: number): void => {
      empty(device, size, 'test/activations');
      empty(device, size, 'test/more');
    };
    expect(hintOf(() => batch(2))).toBe(
      '1.0 MiB are missing. (1) halve the batch, if the 4.0 MiB of this step grow with it: about 2.0 MiB, enough; ' +
        '(2) dispose of test/activations (1 buffer): 2.0 MiB, enough; ' +
        '(3) dispose of test/weights (1 buffer): 1.0 MiB, enough. Or open the device with a larger budgetBytes (DAWNGRAD_MEMORY_GIB).',
    );
    scope(() => batch(1));
    // Outside of a scope, nothing tells what belongs to a step.
    expect(() => device.pool.allocate(5 * MIB, 'test/more')).toThrowError(
      /missing\. \(1\) dispose of test\/weights \(1 buffer\): 1\.0 MiB\. Or/,
    );
    await device.finish();
  });

  it('leave nothing of a step behind that did not fit, so that a smaller one runs', async () => {
    const device = await fresh({ budgetBytes: 4 * MIB });
    const w = zeros(device, [512, 512], 'test/w');
    const [large, small] = [zeros(device, [1024, 512], 'test/x'), zeros(device, [64, 512], 'test/x')];
    await device.finish();
    const before = device.memory;
    const step = compile(device, (x: Tensor) => matmul(matmul(x, w), w));
    const hint = hintOf(() => keep(step(large)));
    expect(hint).toMatch(/MiB are missing\. \(1\) halve the batch, if the \d\.\d MiB of this step grow with it/);
    expect(device.memory.owners).toEqual(before.owners);
    keep(step(small)).dispose();
    await device.finish();
    expect(device.memory.liveBytes).toBeGreaterThan(before.liveBytes);
    step.dispose();
    // No plan holds the weights any more, that of the refused call neither.
    w.dispose();
    expect(device.memory.owners.map(({ label }) => label)).toEqual(['test/x']);
  });

  it('say so where nothing could be freed', async () => {
    const device = await fresh({ budgetBytes: MIB });
    expect(() => device.pool.allocate(2 * MIB, 'test/more')).toThrowError(
      /Hint: 1\.0 MiB are missing\. Open the device with a larger budgetBytes \(DAWNGRAD_MEMORY_GIB\)\.$/,
    );
  });
});

describe('a report of the memory', () => {
  it('prints live, peak, reserved and budget, and the largest owners', async () => {
    const device = await fresh({ budgetBytes: 16 * MIB });
    const held = [2, 1, 1, 0.5].map((mib, i) =>
      Tensor.empty(device, [(mib * MIB) / 4], 'f32', ['test/weights', 'test/cache', 'test/cache', 'test/ids'][i]!),
    );
    held.pop()!.dispose();
    const extra = Tensor.empty(device, [MIB / 16], 'f32', 'test/extra');
    expect(formatMemory(device.memory, 2)).toBe(
      [
        'live             4.3 MiB  4 buffers',
        'peak             4.5 MiB  largest: 2.0 MiB test/weights',
        'reserved         4.8 MiB  peak 4.8 MiB',
        'budget          16.0 MiB  29.7 % reserved',
        '  test/weights   2.0 MiB  1 buffer',
        '  test/cache     2.0 MiB  2 buffers',
        '  1 more         0.3 MiB  1 buffer',
      ].join('\n'),
    );
    expect(device.memory.owners.reduce((total, { bytes }) => total + bytes, 0)).toBe(device.memory.liveBytes);
    extra.dispose();
  });
});
