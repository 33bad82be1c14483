import * as api from '@dawngrad/tensor';
import { type Device, readBits, scope, scopeAsync, Tensor, type TensorMethods, tensorsIn } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tensorMethods } from '../src/tensor-methods.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** What the methods with arguments are called with; `b` is a tensor like the first operand. */
type Arguments = { readonly [Name in keyof TensorMethods]?: (b: Tensor) => Parameters<TensorMethods[Name]> };

/** The published function of each method's name. */
const functions: { readonly [Name in keyof TensorMethods]: (...args: never[]) => unknown } = api;

const one = (b: Tensor): [Tensor] => [b];
const ARGUMENTS: Arguments = {
  leakyRelu: () => [0.2],
  elu: () => [0.5],
  clamp: () => [-0.5, 0.25],
  cast: () => ['i32'],
  add: one,
  subtract: one,
  multiply: one,
  divide: one,
  floorDivide: one,
  remainder: one,
  pow: one,
  maximum: one,
  minimum: one,
  atan2: one,
  equal: one,
  notEqual: one,
  less: one,
  lessEqual: one,
  greater: one,
  greaterEqual: one,
  logicalAnd: one,
  logicalOr: one,
  logicalXor: one,
  matmul: (b) => [b, { transB: true }],
  sum: () => [{ axes: [1] }],
  mean: () => [{ axes: [0], keepDims: true }],
  max: () => [{ axes: [-1] }],
  argmax: () => [{ axes: [1] }],
  variance: () => [{ axes: [1], correction: 1 }],
  std: () => [{ axes: [0] }],
  cumsum: () => [{ axis: 0, reverse: true }],
  softmax: () => [0],
  logSoftmax: () => [0],
  reshape: () => [[2, -1]],
  permute: () => [[1, 0]],
  transpose: () => [0, 1],
  expand: () => [[2, 4, 6]],
  squeeze: () => [[]],
  unsqueeze: () => [1],
  slice: () => [1, 1, 6, 2],
  select: () => [0, 2],
  flip: () => [[1]],
  split: () => [[1, 3]],
  chunk: () => [2, 1],
  unbind: () => [1],
  diagonal: () => [1],
};

const values = (step: number): number[] => Array.from({ length: 24 }, (_, i) => Math.fround(Math.sin(i * step) * 2));

describe('a method of a tensor', () => {
  const names = Object.keys(tensorMethods) as (keyof TensorMethods)[];

  it.each(names)('gives what its function gives: %s', async (name) => {
    await scopeAsync(async () => {
      const [x, b] = [Tensor.from(device, values(1), [4, 6]), Tensor.from(device, values(0.7), [4, 6])];
      const rest = ARGUMENTS[name]?.(b) ?? [];
      const call = functions[name] as (...args: readonly unknown[]) => unknown;
      const method = x[name] as (...args: readonly unknown[]) => unknown;
      const [expected, got] = [tensorsIn(call(x, ...rest)), tensorsIn(method.apply(x, rest))];
      expect(got.length).toBeGreaterThan(0);
      expect(got.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
        expected.map(({ shape, dtype }) => ({ shape, dtype })),
      );
      for (const [i, tensor] of got.entries()) expect(await readBits(tensor)).toEqual(await readBits(expected[i]!));
    });
  });

  it('chains', async () => {
    await scopeAsync(async () => {
      const x = Tensor.from(device, [1, -2, 3, -4], [2, 2]);
      const y = x
        .matmul(Tensor.from(device, [1, 0, 0, 1], [2, 2]))
        .add(1)
        .relu()
        .sum({ axes: [1] })
        .reshape([2, 1]);
      expect(y.shape).toEqual([2, 1]);
      expect([...new Float32Array((await readBits(y)).buffer)]).toEqual([2, 4]);
    });
  });

  it('is no property that printing or comparing a tensor would show', () => {
    scope(() => {
      const x = Tensor.from(device, [1], [1]);
      expect(Object.keys(x).filter((key) => key in tensorMethods)).toEqual([]);
      const shown: string[] = [];
      for (const key in x) shown.push(key);
      expect(shown.filter((key) => key in tensorMethods)).toEqual([]);
    });
  });

  it('has arguments here wherever its function has some that it needs', () => {
    const needy = names.filter((name) => functions[name].length > 1 && !(name in ARGUMENTS));
    expect(needy).toEqual([]);
  });
});
