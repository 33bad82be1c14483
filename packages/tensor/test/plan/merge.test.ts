import {
  add,
  compile,
  copyInto,
  type Device,
  layerNorm,
  matmul,
  multiply,
  readAll,
  scopeAsync,
  softmax,
  sum,
  type Tensor,
  zeros,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const normal = (seed: number, shape: number[]): Tensor => toTensor(device, normalArray(seed, shape));

async function launchesAndValues(body: (...tensors: Tensor[]) => Tensor[], inputs: () => Tensor[]): Promise<number> {
  const step = compile(device, body);
  await scopeAsync(async () => {
    const tensors = inputs();
    const [eager, planned] = [body(...tensors), step(...tensors)];
    const values = await readAll([...eager, ...planned]);
    expect(values.slice(eager.length)).toEqual(values.slice(0, eager.length));
  });
  const count = step.plans[0]!.launches.length;
  step.dispose();
  return count;
}

describe('independent launches', () => {
  it('become one: matmuls of different shapes and transposes', async () => {
    const body = (a: Tensor, b: Tensor): Tensor[] => [
      matmul(a, b),
      matmul(a, a, { transB: true }),
      matmul(b, b, { transA: true }),
    ];
    expect(await launchesAndValues(body, () => [normal(1, [24, 40]), normal(2, [40, 16])])).toBe(1);
  });

  it('become one across grids of different dimensions', async () => {
    const body = (a: Tensor, b: Tensor, c: Tensor): Tensor[] => [matmul(a, b), matmul(c, c)];
    const inputs = (): Tensor[] => [normal(1, [3, 33, 17]), normal(2, [3, 17, 9]), normal(3, [20, 20])];
    expect(await launchesAndValues(body, inputs)).toBe(1);
  });

  it('stay in their order where one reads what the other wrote', async () => {
    const body = (a: Tensor): Tensor[] => {
      const square = matmul(a, a);
      return [matmul(square, a)];
    };
    expect(await launchesAndValues(body, () => [normal(1, [8, 8])])).toBe(2);
  });

  it('stay in their order where one overwrites what the other reads', async () => {
    const held = zeros(device, [16]);
    const step = compile(device, (x: Tensor) => {
      const before = multiply(held, x);
      copyInto(held, x);
      return [before, multiply(held, x)];
    });
    await scopeAsync(async () => {
      const x = normal(1, [16]);
      const [first] = await readAll(step(x));
      const [second, third] = await readAll(step(x));
      expect(first!.every((value) => value === 0)).toBe(true);
      expect(second).toEqual(third);
      expect(second!.some((value) => value !== 0)).toBe(true);
    });
    step.dispose();
    held.dispose();
  });

  it('keep their barriers: at most one of them uses workgroup memory', async () => {
    const body = (a: Tensor, gain: Tensor, bias: Tensor): Tensor[] => [
      layerNorm(a, gain, bias, 1e-5),
      softmax(a),
      sum(a, { axes: [1] }),
      add(a, bias),
    ];
    await launchesAndValues(body, () => [normal(1, [70, 300]), normal(2, [300]), normal(3, [300])]);
  });

  it('are left alone where merging is switched off', async () => {
    const step = compile(device, (a: Tensor) => [matmul(a, a), matmul(a, a, { transB: true })], { merging: false });
    await scopeAsync(async () => {
      await readAll(step(normal(1, [8, 8])));
    });
    expect(step.plans[0]!.launches).toHaveLength(2);
    step.dispose();
  });
});
