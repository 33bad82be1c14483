import {
  add,
  cast,
  compile,
  type Device,
  type DType,
  exp,
  multiply,
  readAll,
  scopeAsync,
  sum,
  type Tensor,
  transpose,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Bytes of the arenas with and without the pass, for a body without other passes; values must not change. */
async function arenas(body: (x: Tensor) => Tensor[], input: () => Tensor): Promise<[number, number]> {
  const others = { fusion: false, merging: false, hoisting: false };
  const steps = [compile(device, body, others), compile(device, body, { ...others, inPlace: false })];
  await scopeAsync(async () => {
    const x = input();
    const results = [body(x), ...steps.map((step) => step(x))];
    const values = await readAll(results.flat());
    const count = results[0]!.length;
    for (let i = 1; i <= steps.length; i++)
      expect(values.slice(i * count, (i + 1) * count)).toEqual(values.slice(0, count));
  });
  const bytes = steps.map((step) => step.plans[0]!.arenaBytes);
  for (const step of steps) step.dispose();
  return bytes as [number, number];
}

const input =
  (dtype: DType = 'f32') =>
  () => {
    const x = toTensor(device, normalArray(1, [8, 64]));
    return dtype === 'f32' ? x : cast(x, dtype);
  };

describe('pointwise results', () => {
  it.each(['f32', 'f16', 'i32'] as const)('stand over the %s operands that are done with', async (dtype) => {
    const chain = (x: Tensor): Tensor[] => [sum(add(multiply(add(x, x), x), x))];
    const [reused, apart] = await arenas(chain, input(dtype));
    expect(reused).toBeLessThan(apart);
  });

  it('leave operands alone that somebody reads later', async () => {
    const body = (x: Tensor): Tensor[] => {
      const y = exp(x);
      return [sum(multiply(y, y)), sum(y)];
    };
    const [reused, apart] = await arenas(body, input());
    expect(reused).toBe(apart);
  });

  it('leave operands alone that are read in another order', async () => {
    const body = (x: Tensor): Tensor[] => {
      const y = exp(x);
      return [sum(add(transpose(y), 1))];
    };
    const [reused, apart] = await arenas(body, () => toTensor(device, normalArray(1, [16, 16])));
    expect(reused).toBe(apart);
  });

  it('become results of the step themselves', async () => {
    const [reused, apart] = await arenas((x) => [add(exp(x), x)], input());
    expect(reused).toBe(0);
    expect(apart).toBeGreaterThan(0);
  });
});
