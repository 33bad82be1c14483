import { grad, Tape } from '@dawngrad/autograd';
import {
  add,
  attention,
  type Device,
  exp,
  linear,
  matmul,
  multiply,
  read,
  readAll,
  reshape,
  rmsNorm,
  scope,
  scopeAsync,
  sigmoid,
  softmax,
  softplus,
  sqrt,
  square,
  sum,
  swiglu,
  Tensor,
  tanh,
  withoutObservers,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { normalArray, toTensor } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const of = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  Tensor.from(device, values, shape);

function expectClose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: number): void {
  expect(actual.length).toBe(expected.length);
  for (let i = 0; i < expected.length; i++)
    expect(Math.abs(actual[i]! - expected[i]!), `[${i}]`).toBeLessThan(tolerance * Math.max(1, Math.abs(expected[i]!)));
}

/** Central differences in float64. */
function differences(f: (x: Float64Array) => number, at: ArrayLike<number>, step = 1e-5): Float64Array {
  return Float64Array.from({ length: at.length }, (_, i) => {
    const shifted = (delta: number): number => f(Float64Array.from(at, (v, j) => (i === j ? v + delta : v)));
    return (shifted(step) - shifted(-step)) / (2 * step);
  });
}

describe('grad', () => {
  it('sums over every use of a tensor, through both sides of one op', async () => {
    await scopeAsync(async () => {
      const x = of([1, -2, 3]);
      const { loss, gradients } = grad(() => sum(add(multiply(x, x), multiply(x, exp(x)))), [x]);
      const expected = [1, -2, 3].map((v) => 2 * v + Math.exp(v) * (1 + v));
      expectClose(await read(gradients[0]!), expected, 1e-5);
      expect((await read(loss))[0]).toBeCloseTo(
        [1, -2, 3].reduce((a, v) => a + v * v + v * Math.exp(v), 0),
        4,
      );
    });
  });

  it('is zero for inputs that do not matter, and one for the loss itself', async () => {
    await scopeAsync(async () => {
      const [x, y] = [of([2], []), of([1, 2, 3])];
      const { gradients } = grad(() => x, [x, y]);
      expect(Array.from(await read(gradients[0]!))).toEqual([1]);
      expect(Array.from(await read(gradients[1]!))).toEqual([0, 0, 0]);
    });
  });

  it('does not see what runs without observers', async () => {
    await scopeAsync(async () => {
      const x = of([3]);
      const { gradients } = grad(
        () =>
          sum(
            multiply(
              x,
              withoutObservers(() => square(x)),
            ),
          ),
        [x],
      );
      expect(Array.from(await read(gradients[0]!))).toEqual([9]);
    });
  });

  it('sums over dimensions that broadcasting stretched', async () => {
    await scopeAsync(async () => {
      const [row, column] = [of([1, 2, 3]), of([4, 5], [2, 1])];
      const { gradients } = grad(() => sum(multiply(row, column)), [row, column]);
      expect(gradients.map((g) => g.shape)).toEqual([[3], [2, 1]]);
      expect(Array.from(await read(gradients[0]!))).toEqual([9, 9, 9]);
      expect(Array.from(await read(gradients[1]!))).toEqual([6, 6]);
    });
  });

  it('refuses a loss that is no scalar', () => {
    scope(() => {
      const x = of([1, 2]);
      expect(() => grad(() => exp(x), [x])).toThrowError(expect.objectContaining({ code: 'shape' }));
    });
  });

  it('frees all that it made with the scope around it', () => {
    const before = device.memory.liveBuffers;
    scope(() => {
      const x = of([1, 2]);
      grad(() => sum(grad(() => sum(multiply(square(x), x)), [x]).gradients[0]!), [x]);
    });
    expect(device.memory.liveBuffers).toBe(before);
  });
});

describe('second derivatives', () => {
  it('of powers and exponentials are exact', async () => {
    await scopeAsync(async () => {
      const x = of([0.5, -1, 2]);
      const outer = grad(() => sum(grad(() => sum(multiply(multiply(x, x), x)), [x]).gradients[0]!), [x]);
      expectClose(await read(outer.gradients[0]!), [3, -6, 12], 1e-5);
      const third = grad(
        () => sum(grad(() => sum(grad(() => sum(exp(x)), [x]).gradients[0]!), [x]).gradients[0]!),
        [x],
      );
      expectClose(await read(third.gradients[0]!), [0.5, -1, 2].map(Math.exp), 1e-5);
    });
  });

  it('give the Hessian-vector product of a small network, as float64 does', async () => {
    await scopeAsync(async () => {
      const [x, w, u, v] = [
        normalArray(1, [4, 3]),
        normalArray(2, [3, 5]),
        normalArray(3, [5, 2]),
        normalArray(4, [15]),
      ] as const;
      /** sum softplus(softmax(tanh(x w)) u) */
      const objective = (weights: Float64Array): number => {
        let total = 0;
        for (let n = 0; n < 4; n++) {
          const hidden = Array.from({ length: 5 }, (_, j) =>
            Math.tanh([0, 1, 2].reduce((a, d) => a + x.data[n * 3 + d]! * weights[d * 5 + j]!, 0)),
          );
          const norm = hidden.reduce((a, h) => a + Math.exp(h), 0);
          for (let o = 0; o < 2; o++)
            total += Math.log1p(Math.exp(hidden.reduce((a, h, j) => a + (Math.exp(h) / norm) * u.data[j * 2 + o]!, 0)));
        }
        return total;
      };
      const directional = (weights: Float64Array): number =>
        differences(objective, weights, 1e-4).reduce((a, g, i) => a + g * v.data[i]!, 0);
      const expected = differences(directional, w.data, 1e-4);
      const [input, weight, output, vector] = [x, w, u, v].map((array) => toTensor(device, array)) as [
        Tensor,
        Tensor,
        Tensor,
        Tensor,
      ];
      const loss = (): Tensor => sum(softplus(matmul(softmax(tanh(matmul(input, weight))), output)));
      const { gradients } = grad(
        () => sum(multiply(reshape(grad(loss, [weight]).gradients[0]!, [15]), vector)),
        [weight],
      );
      expectClose(await read(gradients[0]!), expected, 2e-4);
    });
  });

  it('train a critic through a gradient penalty, as float64 does', async () => {
    await scopeAsync(async () => {
      const [x, w] = [normalArray(7, [3, 4]), normalArray(8, [1, 4])];
      // Penalty: mean over rows of (|d sigmoid(x w) / dx| - 1)^2; the inner gradient is s (1 - s) w.
      const penalty = (weights: Float64Array): number => {
        let total = 0;
        for (let n = 0; n < 3; n++) {
          const s = 1 / (1 + Math.exp(-weights.reduce((a, v, d) => a + v * x.data[n * 4 + d]!, 0)));
          const norm = Math.sqrt(weights.reduce((a, v) => a + (s * (1 - s) * v) ** 2, 0) + 1e-6);
          total += (norm - 1) ** 2;
        }
        return total;
      };
      const [input, weight] = [toTensor(device, x), toTensor(device, w)];
      const { loss, gradients } = grad(() => {
        const inner = grad(() => sum(sigmoid(linear(input, weight))), [input]).gradients[0]!;
        const norm = sqrt(add(sum(square(inner), { axes: [1] }), of([1e-6], [])));
        return sum(square(add(norm, of([-1], []))));
      }, [weight]);
      const [value, found] = await readAll([loss, gradients[0]!]);
      expect(value![0]).toBeCloseTo(penalty(w.data), 5);
      expectClose(found!, differences(penalty, w.data), 1e-4);
    });
  });

  it('of fused ops are refused by name, and leave no observer behind', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, normalArray(9, [2, 4]));
      const q = toTensor(device, normalArray(10, [2, 1, 4]));
      const [start, end] = [Tensor.from(device, [0, 0], [2], 'u32'), Tensor.from(device, [2, 2], [2], 'u32')];
      const fused: readonly [string, () => Tensor, Tensor][] = [
        ['rmsNorm', () => sum(rmsNorm(x, of([1, 1, 1, 1]), 1e-5)), x],
        ['swiglu', () => sum(swiglu(x, x)), x],
        ['attention', () => sum(attention(q, q, q, { start, end }, { scale: 1, window: 0 })), q],
      ];
      for (const [name, loss, input] of fused)
        expect(() => grad(() => sum(grad(loss, [input]).gradients[0]!), [input])).toThrowError(
          new RegExp(`^${name}: expected a gradient that can be differentiated again`),
        );
      const { gradients } = grad(() => sum(swiglu(x, x)), [x]);
      expect((await read(gradients[0]!)).length).toBe(8);
    });
  });
});

describe('a tape', () => {
  it('records only what depends on watched tensors', () => {
    scope(() => {
      const [x, y] = [of([1]), of([2])];
      const tape = new Tape();
      tape.watch(x);
      tape.record(() => multiply(exp(y), add(y, exp(x))));
      expect(tape.length).toBe(3);
    });
  });

  it('starts from several outputs, each with its own gradient', async () => {
    await scopeAsync(async () => {
      const x = of([1, 2]);
      const tape = new Tape();
      tape.watch(x);
      const [a, b] = tape.record(() => [square(x), multiply(x, of([3], []))]);
      const seeds = [
        { tensor: a!, seed: of([1, 10]) },
        { tensor: b!, seed: of([100, 1000]) },
      ];
      const found = tape.backward(seeds, new Map(), false, new Set());
      expect(Array.from(await read(found.get(x.id)!))).toEqual([302, 3040]);
    });
  });
});
