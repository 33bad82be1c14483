import { afterEach, describe, expect, it } from 'vitest';
import type { Device, DeviceOptions } from '../../src/gpu/device.ts';
import type { Kernel } from '../../src/gpu/kernel.ts';
import { openDevice } from '../../src/node.ts';
import { fill, zeros } from '../../src/ops/in-place.ts';
import { launchPlan } from '../../src/ops/launch-plan.ts';
import { read } from '../../src/ops/read.ts';
import { Tensor } from '../../src/tensor.ts';

const opened: Device[] = [];
afterEach(() => {
  for (const device of opened.splice(0)) device.close();
});
async function fresh(options: DeviceOptions = {}): Promise<Device> {
  const device = await openDevice(options);
  opened.push(device);
  return device;
}

const kernel = (key: string, body: string, access: 'read' | 'read_write' = 'read_write'): Kernel => ({
  key,
  label: `test/${key}`,
  bindings: [{ name: 'out', access, element: 'f32' }],
  params: [],
  body: () => body,
});

const WRITES_42 = kernel('write-42', '@compute @workgroup_size(1) fn main() { out[0] = 42.0; }');

describe('a device', () => {
  it('is ready when opened, with the limits of its adapter', async () => {
    const device = await fresh();
    expect(device.state).toBe('ready');
    expect(device.adapter.vendor + device.adapter.description).not.toBe('');
    expect(device.limits.maxComputeInvocationsPerWorkgroup).toBeGreaterThanOrEqual(256);
    expect(device.limits.maxStorageBuffersPerShaderStage).toBeGreaterThanOrEqual(8);
    const out = Tensor.empty(device, [1], 'f32', 'test/out');
    device.dispatch(WRITES_42, [out.binding()], [], [1, 1, 1]);
    expect(Array.from(await read(out))).toEqual([42]);
  });

  it('leaves out features that it was told not to use, and those only', async () => {
    const [all, bare] = [await fresh(), await fresh({ without: ['shader-f16', 'timestamp-query'] })];
    expect(bare.features.has('shader-f16')).toBe(false);
    expect(bare.features.has('timestamp-query')).toBe(false);
    expect(bare.features.has('subgroups')).toBe(all.features.has('subgroups'));
    await expect(bare.profile(() => undefined)).rejects.toMatchObject({ code: 'device' });
  });

  it('is lost at once when closed, and says so to everything after', async () => {
    const device = await fresh();
    const out = zeros(device, [4]);
    await read(out);
    device.close();
    expect(device.state).toBe('lost');
    expect(() => fill(out, 1)).toThrowError(expect.objectContaining({ code: 'lost' }));
    await expect(read(out)).rejects.toMatchObject({
      code: 'lost',
      message: expect.stringContaining('a closed device'),
    });
    await expect(device.flush()).rejects.toMatchObject({ code: 'lost' });
    await expect(device.finish()).rejects.toMatchObject({ code: 'lost' });
    device.close();
    expect(device.state).toBe('lost');
  });

  it('ends a readback that is under way when it is closed', async () => {
    const device = await fresh();
    const waiting = read(zeros(device, [4]));
    device.close();
    await expect(waiting).rejects.toMatchObject({ code: 'lost' });
  });

  it('is poisoned by work that fails validation: the readback throws instead of giving zeros', async () => {
    const device = await fresh();
    const out = Tensor.empty(device, [128], 'f32', 'test/out');
    fill(out, 3);
    expect((await read(out))[0]).toBe(3);
    // Storage bindings must start at multiples of 256 bytes.
    device.dispatch(WRITES_42, [{ storage: out.storage, offset: 4, size: 16 }], [], [1, 1, 1]);
    await expect(read(out)).rejects.toMatchObject({
      code: 'device',
      message: expect.stringContaining('test/write-42'),
    });
    expect(device.state).toBe('poisoned');
    await expect(read(out)).rejects.toMatchObject({ code: 'device' });
    expect(() => fill(out, 1)).toThrowError(expect.objectContaining({ code: 'device' }));
  });

  it('refuses one buffer bound for reading and for writing in one launch, and stays ready', async () => {
    const device = await fresh();
    const x = zeros(device, [64]);
    const both: Kernel = {
      ...WRITES_42,
      key: 'alias',
      label: 'test/alias',
      bindings: [
        { name: 'source', access: 'read', element: 'f32' },
        { name: 'out', access: 'read_write', element: 'f32' },
      ],
      body: () => '@compute @workgroup_size(1) fn main() { out[0] = source[0]; }',
    };
    expect(() => launchPlan({ kernel: both, params: [], workgroups: [1, 1, 1] }, [x], [x])).toThrowError(
      /out in a buffer that is read too/,
    );
    await device.finish();
    expect(device.state).toBe('ready');
  });

  it('is poisoned by errors that no scope captures', async () => {
    const device = await fresh();
    const out = Tensor.empty(device, [64], 'f32', 'test/out');
    // Past the end of the buffer, before any submit has opened a scope.
    device.write(out.storage, 1 << 20, new Float32Array(4));
    await expect(read(out)).rejects.toMatchObject({ code: 'device' });
    expect(device.state).toBe('poisoned');
  });

  it('lets no concurrent readback past the error of another one', async () => {
    const device = await fresh();
    const [good, bad] = [zeros(device, [128]), zeros(device, [128])];
    await device.finish();
    const first = read(good);
    device.dispatch(WRITES_42, [{ storage: bad.storage, offset: 4, size: 16 }], [], [1, 1, 1]);
    const results = await Promise.allSettled([first, read(bad), read(good)]);
    expect(results.slice(1).map((result) => result.status)).toEqual(['rejected', 'rejected']);
  });

  it('names label, line and source of WGSL that does not compile', async () => {
    const device = await fresh();
    const broken = kernel(
      'broken',
      '@compute @workgroup_size(1) fn main() {\n  let fine = 1.0;\n  out[0] = missing;\n}',
    );
    const out = Tensor.empty(device, [1], 'f32', 'test/out');
    device.dispatch(broken, [out.binding()], [], [1, 1, 1]);
    const failure = (await read(out).catch((error: unknown) => error)) as Error;
    expect(failure).toMatchObject({ code: 'device', detail: { op: 'test/broken' } });
    expect(failure.message).toMatch(/missing/);
    // One line of declarations stands before the body.
    expect(failure.message).toContain('4:   out[0] = missing;');
    expect(device.state).toBe('poisoned');
  });

  it('reports a pipeline that the adapter cannot make', async () => {
    const device = await fresh();
    const lanes = device.limits.maxComputeInvocationsPerWorkgroup * 2;
    const wide = kernel('wide', `@compute @workgroup_size(${lanes}) fn main() { out[0] = 1.0; }`);
    device.dispatch(wide, [Tensor.empty(device, [1], 'f32', 'test/out').binding()], [], [1, 1, 1]);
    await expect(device.finish()).rejects.toMatchObject({ code: 'device', detail: { op: 'test/wide' } });
  });

  it('refuses launches that contradict their kernel or the limits, and stays ready', async () => {
    const device = await fresh();
    const out = Tensor.empty(device, [1], 'f32', 'test/out');
    expect(() => device.dispatch(WRITES_42, [], [], [1, 1, 1])).toThrowError(
      expect.objectContaining({ code: 'device' }),
    );
    expect(() => device.dispatch(WRITES_42, [out.binding()], [1], [1, 1, 1])).toThrowError(
      expect.objectContaining({ code: 'device' }),
    );
    expect(() => device.dispatch(WRITES_42, [out.binding()], [], [65536, 1, 1])).toThrowError(
      expect.objectContaining({ code: 'limit' }),
    );
    const count = device.limits.maxStorageBuffersPerShaderStage + 1;
    const many: Kernel = {
      ...WRITES_42,
      key: 'many',
      bindings: Array.from({ length: count }, (_, i) => ({ name: `b${i}`, access: 'read_write', element: 'f32' })),
    };
    expect(() =>
      device.dispatch(
        many,
        many.bindings.map(() => out.binding()),
        [],
        [1, 1, 1],
      ),
    ).toThrowError(expect.objectContaining({ code: 'limit' }));
    expect(device.state).toBe('ready');
    device.dispatch(WRITES_42, [out.binding()], [], [1, 1, 1]);
    expect((await read(out))[0]).toBe(42);
  });

  it('gives up on work that takes longer than its limit', async () => {
    const device = await fresh({ timeoutMs: 50 });
    const slow = kernel(
      'slow',
      `@compute @workgroup_size(1) fn main() {
  var x = out[0];
  for (var i = 0u; i < 20000000u; i++) { x = x * 0.999 + 1.0; if (x < 0.0) { break; } }
  out[0] = x;
}`,
    );
    const out = zeros(device, [1]);
    await device.finish();
    device.dispatch(slow, [out.binding()], [], [1, 1, 1]);
    await expect(read(out)).rejects.toMatchObject({ code: 'lost', message: expect.stringContaining('within 0.05 s') });
    expect(device.state).toBe('poisoned');
    expect(() => fill(out, 0)).toThrowError(expect.objectContaining({ code: 'lost' }));
  });

  it('times every launch on the device clock', async ({ skip }) => {
    const device = await fresh();
    if (!device.features.has('timestamp-query')) skip();
    const out = zeros(device, [1 << 16]);
    const timings = await device.profile(() => {
      fill(out, 1);
      fill(out, 2);
    });
    expect(timings.map((timing) => timing.label)).toEqual(['tensor/fill', 'tensor/fill']);
    for (const { microseconds } of timings) {
      expect(microseconds).toBeGreaterThan(0);
      expect(microseconds).toBeLessThan(10_000_000);
    }
    expect((await read(out))[5]).toBe(2);
  });
});
