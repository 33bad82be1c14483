import { grad } from '@dawngrad/autograd';
import {
  chunk,
  concat,
  type Device,
  diagonal,
  dropout,
  embedding,
  flip,
  gather,
  indexAdd,
  indexSelect,
  multiply,
  pad,
  place,
  read,
  readAll,
  repeat,
  reshape,
  roll,
  scatter,
  scatterAdd,
  scopeAsync,
  select,
  slice,
  square,
  stack,
  subtract,
  sum,
  Tensor,
  tile,
  transpose,
  tril,
  triu,
  unbind,
  zeros,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { GRADIENT_TOLERANCE, normalArray, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const ids = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  Tensor.from(device, values, shape, 'i32');

const constant = (shape: readonly number[]): Tensor => toTensor(device, normalArray(9, shape));

const WIDTHS = [
  [1, 2],
  [0, 3],
] as const;
/** Rows for [4, 6] sources, some twice and some that name none. */
const SPREAD = [0, 1, 2, 0, 1, 2, 1, 1, 2, 0, 0, 7, 2, 1, 0, -1, 1, 2, 2, 0, 2, 1, 1, 0];

/** Linear functions of x [4, 6]. */
const LINEAR: Record<string, (x: Tensor) => Tensor> = {
  'a slice with steps': (x) => slice(slice(x, 1, 5, 0, -2), 0, 1, undefined, 2),
  flip: (x) => flip(x, [1]),
  'chunk and stack': (x) => stack(chunk(x, 2, 1), 1),
  'unbind and concat': (x) => concat([...unbind(x, 1), select(x, 1, -1)], 0),
  concat: (x) => concat([slice(x, 0, 1, 3), flip(x), x], 0),
  repeat: (x) => repeat(x, 3, 1),
  tile: (x) => tile(x, [2, 1, 2]),
  roll: (x) => roll(x, 2, 1),
  'padding with zeros': (x) => pad(x, WIDTHS),
  'padding by mirror': (x) => pad(x, WIDTHS, { mode: 'reflect' }),
  'padding by edge': (x) => pad(x, WIDTHS, { mode: 'edge' }),
  'padding by wrap': (x) => pad(x, WIDTHS, { mode: 'wrap' }),
  'place, backwards': (x) => place(x, { low: [3, 0], step: [-1, 2], size: [5, 12], value: 0 }),
  'a reshape that copies': (x) => reshape(transpose(x), [8, 3]),
  diagonal: (x) => diagonal(x, 1),
  'a diagonal below': (x) => diagonal(transpose(x), -2),
  tril: (x) => tril(x, 1),
  triu: (x) => triu(x, -1),
  gather: (x) => gather(x, 1, ids([0, 5, 5, -1, 2, 2, 3, 1], [4, 2])),
  'gather with nothing named': (x) => gather(x, 0, ids([0, 9, 3], [3, 1]), 0),
  indexSelect: (x) => indexSelect(x, 0, [3, 0, 3, 3]),
  embedding: (x) => embedding(x, ids([1, 1, 2])),
  'embedding of blocks': (x) => embedding([slice(x, 0, 0, 3), slice(x, 0, 3)], ids([1, 3, 1])),
  'the target of scatterAdd': (x) => scatterAdd(x, 0, ids([1, 1, 9], [3, 1]), constant([3, 6])),
  'the source of scatterAdd': (x) => scatterAdd(constant([3, 6]), 0, ids(SPREAD, [4, 6]), x),
  'the source of indexAdd': (x) => indexAdd(constant([3, 6]), 0, [1, 2, 1, 1], x),
  'the target of scatter': (x) => scatter(x, 0, ids(SPREAD.slice(6), [3, 6]), zeros(device, [3, 6])),
  'the source of scatter': (x) => scatter(zeros(device, [3, 6]), 0, ids(SPREAD, [4, 6]), x),
  dropout: (x) => dropout(x, 0.4, { seed: 1, step: 2 }),
};

/** The gradient of sum(w f(x)^2): 2 A'wA x for a linear f, x -> Ax. */
function gradientOf(f: (x: Tensor) => Tensor, x: Tensor): Tensor {
  return grad(() => {
    const y = f(x);
    return sum(multiply(toTensor(device, normalArray(7, y.shape)), square(y)));
  }, [x]).gradients[0]!;
}

describe('ops that move elements', () => {
  it.each(Object.entries(LINEAR))('differentiate twice: %s', async (_, move) => {
    await scopeAsync(async () => {
      // What does not depend on x would make f affine: it is taken off.
      const still = move(zeros(device, [4, 6]));
      const f = (x: Tensor): Tensor => subtract(move(x), still);
      const [x, v] = [toTensor(device, normalArray(1, [4, 6])), toTensor(device, normalArray(2, [4, 6]))];
      const product = grad(() => sum(multiply(gradientOf(f, x), v)), [x]).gradients[0]!;
      // The Hessian of a quadratic form times v is its gradient at v.
      const [actual, expected] = await readAll([product, gradientOf(f, v)]);
      expect(Math.max(...Array.from(expected!, Math.abs))).toBeGreaterThan(0.1);
      expect(worstError(actual!, Float64Array.from(expected!))).toBeLessThan(GRADIENT_TOLERANCE);
    });
  });

  it('give the sources that a later one replaced no gradient', async () => {
    await scopeAsync(async () => {
      const source = constant([4, 1]);
      const { gradients } = grad(
        () => sum(scatter(zeros(device, [3, 1]), 0, ids([2, 0, 2, 9], [4, 1]), source)),
        [source],
      );
      expect(Array.from(await read(gradients[0]!))).toEqual([0, 1, 1, 0]);
    });
  });
});
