import { type Device, launchMatmul, linear, matmul, quantizeMatrix, read, scopeAsync, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Two devices of the same adapter: one takes bindings of 32 KiB at most, the other whatever there is.
let small: Device;
let large: Device;
beforeAll(async () => {
  small = await openDevice({ limits: { maxStorageBufferBindingSize: 32 * 1024 } });
  large = await openDevice();
});
afterAll(() => {
  small.close();
  large.close();
});

/** The same work on both devices, and the launches that the one with the small bindings took. */
async function onBoth(
  work: (device: Device) => Tensor,
): Promise<{ parts: Float32Array; whole: Float32Array; launches: number }> {
  const before = small.counters.dispatches;
  const parts = await scopeAsync(async () => (await read(work(small))) as Float32Array);
  const launches = small.counters.dispatches - before;
  const whole = await scopeAsync(async () => (await read(work(large))) as Float32Array);
  return { parts, whole, launches };
}

const tensor = (device: Device, seed: number, shape: readonly number[]) =>
  toTensor(device, normalArray(seed, [...shape]));

describe('operands larger than a storage binding', () => {
  it('takes a weight in parts of its rows, to the last bit', async () => {
    const { parts, whole, launches } = await onBoth((device) =>
      linear(tensor(device, 1, [5, 48]), tensor(device, 2, [600, 48]), { bias: tensor(device, 3, [600]) }),
    );
    expect(launches).toBeGreaterThan(2);
    expect(parts).toEqual(whole);
  });

  it('takes many rows, their residual and their result in parts, to the last bit', async () => {
    const { parts, whole, launches } = await onBoth((device) =>
      linear(tensor(device, 1, [520, 33]), tensor(device, 2, [35, 33]), { residual: tensor(device, 3, [520, 35]) }),
    );
    expect(launches).toBeGreaterThan(2);
    expect(parts).toEqual(whole);
  });

  it('takes a long batch in parts', async () => {
    const { parts, whole, launches } = await onBoth((device) =>
      matmul(tensor(device, 1, [150, 9, 8]), tensor(device, 2, [150, 8, 7])),
    );
    expect(launches).toBe(2);
    expect(parts).toEqual(whole);
  });

  it('adds up the parts of a weight that is read across its rows, and fuses with the last of them', async () => {
    const expression = { name: 'test-twice', expr: '2.0 * x0 + x1' };
    const { parts, whole, launches } = await onBoth((device) => {
      const out = Tensor.empty(device, [6, 40], 'f32', 'test');
      const row = tensor(device, 3, [40]);
      launchMatmul(out, tensor(device, 1, [6, 700]), tensor(device, 2, [700, 40]), {
        transA: false,
        transB: false,
        epilogue: 'bias',
        extra: row,
        fused: { expression, operands: ['row'], tensors: [row] },
      });
      return out;
    });
    expect(launches).toBeGreaterThan(2);
    expect(worstError(parts, Float64Array.from(whole))).toBeLessThan(1e-6);
  });

  it('takes quantised and 16-bit weights in parts of their rows', async () => {
    const values = Float32Array.from(normalArray(4, [2000, 64]).data);
    for (const format of ['q8_0', 'q4_0', 'nf4'] as const) {
      const { parts, whole, launches } = await onBoth((device) =>
        linear(tensor(device, 1, [3, 64]), quantizeMatrix(device, values, [2000, 64], format)),
      );
      expect(launches, format).toBeGreaterThan(1);
      expect(parts, format).toEqual(whole);
    }
    const { parts, whole, launches } = await onBoth((device) =>
      linear(tensor(device, 1, [3, 64]), toTensor(device, { ...normalArray(4, [1000, 64]), dtype: 'bf16' })),
    );
    expect(launches).toBeGreaterThan(2);
    expect(parts).toEqual(whole);
  });

  it('refuses rows of which not even 128 fit', async () => {
    await scopeAsync(async () => {
      const [x, w] = [tensor(small, 1, [2, 300]), tensor(small, 2, [130, 300])];
      expect(() => linear(x, w)).toThrowError(expect.objectContaining({ code: 'limit' }));
    });
  });
});

describe('a grid over the limit of a dimension', () => {
  it('is folded by the op itself', async () => {
    const device = await openDevice({ limits: { maxComputeWorkgroupsPerDimension: 7 } });
    try {
      const [a, b] = [normalArray(1, [40, 3, 5]), normalArray(2, [40, 5, 4])];
      const folded = await scopeAsync(async () => read(matmul(toTensor(device, a), toTensor(device, b))));
      const plain = await scopeAsync(async () => read(matmul(toTensor(large, a), toTensor(large, b))));
      expect(folded).toEqual(plain);
    } finally {
      device.close();
    }
  });
});
