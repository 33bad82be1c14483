import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device, DeviceCounters } from '../../src/gpu/device.ts';
import type { Kernel } from '../../src/gpu/kernel.ts';
import { openDevice } from '../../src/node.ts';
import { accumulateInto, fill, zeros } from '../../src/ops/in-place.ts';
import { overwrite } from '../../src/ops/overwrite.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
  // Compiled once, so that the counts below are those of the steady state.
  await scopeAsync(async () => {
    const x = zeros(device, [4]);
    accumulateInto(x, zeros(device, [4]));
    await read(x);
  });
});
afterAll(() => device.close());

function since(before: DeviceCounters): Partial<DeviceCounters> {
  const now = device.counters;
  return {
    dispatches: now.dispatches - before.dispatches,
    passes: now.passes - before.passes,
    submits: now.submits - before.submits,
    pipelines: now.pipelines - before.pipelines,
  };
}

describe('recorded launches', () => {
  it('wait for a flush, which is one pass and one submit however many there are', async () => {
    const x = zeros(device, [256]);
    await device.flush();
    const before = device.counters;
    for (let i = 0; i < 100; i++) fill(x, i);
    expect(since(before)).toEqual({ dispatches: 100, passes: 0, submits: 0, pipelines: 0 });
    await device.flush();
    expect(since(before)).toEqual({ dispatches: 100, passes: 1, submits: 1, pipelines: 0 });
    await device.flush();
    expect(since(before)).toEqual({ dispatches: 100, passes: 1, submits: 1, pipelines: 0 });
    x.dispose();
  });

  it('share their submit with the readback after them, of any number of tensors', async () => {
    const tensors = [1, 2, 3].map((value) => {
      const x = Tensor.empty(device, [64], 'f32', 'test/x');
      fill(x, value);
      return x;
    });
    const before = device.counters;
    const values = await readAll(tensors);
    expect(values.map((array) => array[63])).toEqual([1, 2, 3]);
    expect(since(before)).toEqual({ dispatches: 0, passes: 1, submits: 1, pipelines: 0 });
    for (const x of tensors) x.dispose();
  });

  it('submit themselves when 2048 have gathered, and lose none', async () => {
    const [total, one] = [zeros(device, [4]), zeros(device, [4])];
    fill(one, 1);
    await device.flush();
    const before = device.counters;
    for (let i = 0; i < 5000; i++) accumulateInto(total, one);
    expect(since(before)).toEqual({ dispatches: 5000, passes: 2, submits: 2, pipelines: 0 });
    expect(Array.from(await read(total))).toEqual([5000, 5000, 5000, 5000]);
    expect(since(before)).toEqual({ dispatches: 5000, passes: 3, submits: 3, pipelines: 0 });
    total.dispose();
    one.dispose();
  });

  it('reuse their bind groups from step to step', async () => {
    const step = async (): Promise<void> => {
      await scopeAsync(async () => {
        const x = zeros(device, [300]);
        const y = zeros(device, [300]);
        accumulateInto(x, y);
        await device.finish();
      });
    };
    await step();
    await step();
    const { bindGroupsCreated, buffersCreated } = device.counters;
    for (let i = 0; i < 5; i++) await step();
    expect(device.counters).toMatchObject({ bindGroupsCreated, buffersCreated });
  });

  it('of no workgroups are left out', async () => {
    const before = device.counters;
    const x = Tensor.empty(device, [0], 'f32', 'test/x');
    fill(x, 1);
    expect(await read(x)).toEqual(new Float32Array(0));
    expect(since(before)).toMatchObject({ dispatches: 0, passes: 0 });
    x.dispose();
  });

  it('carry more parameters than one uniform buffer starts with', async () => {
    // 256 bytes a launch: 600 launches pass the first 64 KiB and 128 KiB.
    const targets = Array.from({ length: 600 }, () => Tensor.empty(device, [4], 'f32', 'test/x'));
    targets.forEach((x, i) => {
      fill(x, i);
    });
    const values = await readAll(targets);
    expect(values.map((array) => array[3])).toEqual(targets.map((_, i) => i));
    for (const x of targets) x.dispose();
  });

  it('take parameters of every type', async () => {
    const kernel: Kernel = {
      key: 'test/param-types',
      label: 'test/param-types',
      bindings: [{ name: 'out', access: 'read_write', element: 'f32' }],
      params: [
        { name: 'a', type: 'u32' },
        { name: 'b', type: 'i32' },
        { name: 'c', type: 'f32' },
      ],
      body: () =>
        '@compute @workgroup_size(1) fn main() { out[0] = f32(params.a >> 31u); out[1] = f32(params.b); out[2] = params.c; }',
    };
    const out = zeros(device, [3]);
    device.dispatch(kernel, [out.binding()], [0x80000001, -7, 0.25], [1, 1, 1]);
    expect(Array.from(await read(out))).toEqual([1, -7, 0.25]);
    out.dispose();
  });
});

describe('readbacks', () => {
  it('see what was recorded before them and nothing that is recorded after', async () => {
    const x = zeros(device, [16]);
    fill(x, 1);
    const earlier = read(x);
    fill(x, 2);
    const later = read(x);
    fill(x, 3);
    expect([(await earlier)[0], (await later)[0], (await read(x))[0]]).toEqual([1, 2, 3]);
    x.dispose();
  });

  it('survive the disposal and reuse of their tensor while they are under way', async () => {
    const x = zeros(device, [1000]);
    fill(x, 5);
    const waiting = read(x);
    x.dispose();
    const other = Tensor.empty(device, [1000], 'f32', 'test/other');
    expect(other.storage).not.toBe(x.storage);
    fill(other, 9);
    expect((await waiting).every((value) => value === 5)).toBe(true);
    other.dispose();
  });

  it('run side by side', async () => {
    const tensors = Array.from({ length: 8 }, (_, i) => Tensor.from(device, new Float32Array(700).fill(i), [700]));
    const values = await Promise.all(tensors.map((x) => read(x)));
    values.forEach((array, i) => {
      expect(array.every((value) => value === i)).toBe(true);
    });
    for (const x of tensors) x.dispose();
  });
});

describe('uploads', () => {
  it('never touch a buffer that a waiting launch reads', async () => {
    // `writeBuffer` takes effect before recorded launches: reusing the buffer of `a` for `b` would change `sum`.
    const total = zeros(device, [64]);
    await device.finish();
    for (let i = 1; i <= 4; i++) {
      const staged = Tensor.from(device, new Float32Array(64).fill(10 ** i), [64]);
      accumulateInto(total, staged);
      staged.dispose();
    }
    expect((await read(total))[0]).toBe(11110);
    overwrite(total, new Float32Array(64).fill(1));
    overwrite(total, new Float32Array(64).fill(2));
    expect((await read(total))[0]).toBe(2);
    total.dispose();
  });

  it('into a buffer that a waiting launch uses are refused', async () => {
    const x = zeros(device, [64]);
    expect(() => device.write(x.storage, 0, new Float32Array(4))).toThrowError(/waiting launches/);
    await device.flush();
    device.write(x.storage, 0, new Float32Array([7]));
    expect((await read(x))[0]).toBe(7);
    x.dispose();
  });

  it('take views of shared memory and odd numbers of bytes', async () => {
    const shared = new Float32Array(new SharedArrayBuffer(16));
    shared.set([1, 2, 3, 4]);
    const x = zeros(device, [4]);
    await device.flush();
    device.write(x.storage, 0, shared as unknown as Float32Array<ArrayBuffer>);
    expect(Array.from(await read(x))).toEqual([1, 2, 3, 4]);
    const half = Tensor.from(device, new Uint16Array([1, 2, 3]), [3], 'f16');
    // The bits of the three smallest numbers above 0.
    expect(Array.from(await read(half))).toEqual([1, 2, 3].map((n) => n * 2 ** -24));
    x.dispose();
    half.dispose();
  });
});
