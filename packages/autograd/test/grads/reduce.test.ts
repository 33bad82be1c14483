import { grad } from '@dawngrad/autograd';
import {
  add,
  cumprod,
  cumsum,
  type Device,
  logSoftmax,
  logSumExp,
  max,
  mean,
  min,
  multiply,
  norm,
  prod,
  read,
  readAll,
  scopeAsync,
  softmax,
  sort,
  square,
  std,
  sum,
  Tensor,
  tanh,
  topK,
  variance,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const of = (values: readonly number[]): Tensor => Tensor.from(device, values, [values.length]);
const gradientOf = async (values: readonly number[], f: (x: Tensor) => Tensor): Promise<number[]> => {
  const x = of(values);
  return Array.from(await read(grad(() => f(x), [x]).gradients[0]!));
};

describe('the gradient', () => {
  it('of a product is the product of the others, with none, one and two zeros', async () => {
    await scopeAsync(async () => {
      expect(await gradientOf([2, 3, 4], prod)).toEqual([12, 8, 6]);
      expect(await gradientOf([2, 0, 4], prod)).toEqual([0, 8, 0]);
      expect(await gradientOf([0, 3, 0], prod)).toEqual([0, 0, 0]);
      expect(await gradientOf([5], prod)).toEqual([1]);
    });
  });

  it('of cumulative products passes zeros', async () => {
    await scopeAsync(async () => {
      // y = [a, ab, abc] at [2, 0, 4]: d sum / da = 1 + b + bc, / db = a + ac, / dc = ab.
      expect(await gradientOf([2, 0, 4], (x) => sum(cumprod(x)))).toEqual([1, 10, 0]);
      // From the end: y = [abc, bc, c].
      expect(await gradientOf([2, 0, 4], (x) => sum(cumprod(x, { reverse: true })))).toEqual([0, 12, 1]);
      // Without itself: y = [1, a, ab].
      expect(await gradientOf([2, 0, 4], (x) => sum(cumprod(x, { exclusive: true })))).toEqual([1, 2, 0]);
    });
  });

  it('of an extreme is shared by those that attain it', async () => {
    await scopeAsync(async () => {
      expect(await gradientOf([1, 3, 3, 2], max)).toEqual([0, 0.5, 0.5, 0]);
      expect(await gradientOf([1, 3, 1, 1], min)).toEqual([
        Math.fround(1 / 3),
        0,
        Math.fround(1 / 3),
        Math.fround(1 / 3),
      ]);
    });
  });

  it('of a norm at zero is zero', async () => {
    await scopeAsync(async () => {
      expect(await gradientOf([0, 0], norm)).toEqual([0, 0]);
      const [a, b] = await gradientOf([3, 4], norm);
      expect(a).toBeCloseTo(0.6, 6);
      expect(b).toBeCloseTo(0.8, 6);
    });
  });

  it('of sorted values goes back to where they came from', async () => {
    await scopeAsync(async () => {
      const weights = of([1, 10, 100, 1000]);
      const sorted = (x: Tensor): Tensor => sum(multiply(sort(x, { descending: true }).values, weights));
      expect(await gradientOf([2, 9, -1, 5], sorted)).toEqual([100, 1, 1000, 10]);
      expect(await gradientOf([2, 9, -1, 5], (x) => sum(topK(x, 2).values))).toEqual([0, 1, 0, 1]);
    });
  });
});

/** Functions of one vector whose Hessians differ from zero. */
const FUNCTIONS: Readonly<Record<string, (x: Tensor) => Tensor>> = {
  prod: (x) => prod(x),
  mean: (x) => square(mean(multiply(x, square(x)))),
  max: (x) => square(max(square(x))),
  norm: (x) => norm(x),
  variance: (x) => square(variance(x, { correction: 1 })),
  std: (x) => std(x),
  logSumExp: (x) => logSumExp(x),
  softmax: (x) => sum(square(softmax(x))),
  logSoftmax: (x) => sum(tanh(logSoftmax(x))),
  cumsum: (x) => sum(multiply(square(cumsum(x)), x)),
  sort: (x) => sum(multiply(square(sort(x).values), add(cumsum(sort(x).values), x))),
};

describe('a Hessian-vector product', () => {
  it.each(Object.entries(FUNCTIONS))('through %s agrees with differences of the gradient', async (_, f) => {
    await scopeAsync(async () => {
      const at = normalArray(21, [6]);
      const direction = normalArray(22, [6]);
      const first = (x: Tensor): Tensor => grad(() => f(x), [x]).gradients[0]!;
      const x = toTensor(device, at);
      const product = grad(() => sum(multiply(first(x), toTensor(device, direction))), [x]).gradients[0]!;
      const step = 2e-3;
      const moved = [1, -1].map((sign) =>
        first(toTensor(device, { shape: [6], data: at.data.map((v, i) => v + sign * step * direction.data[i]!) })),
      );
      const [found, above, below] = await readAll([product, ...moved]);
      const expected = Float64Array.from(above!, (v, i) => (v - below![i]!) / (2 * step));
      expect(worstError(found!, expected)).toBeLessThan(2e-3);
      expect(expected.some((v) => Math.abs(v) > 1e-3)).toBe(true);
    });
  });

  it('through a product sees pairs of zeros', async () => {
    await scopeAsync(async () => {
      // y = abc at [0, 0, 4]: the Hessian times [1, 0, 0] is [0, c, b].
      const x = of([0, 0, 4]);
      const direction = of([1, 0, 0]);
      const product = grad(() => sum(multiply(grad(() => prod(x), [x]).gradients[0]!, direction)), [x]);
      expect(Array.from(await read(product.gradients[0]!))).toEqual([0, 4, 0]);
    });
  });
});
