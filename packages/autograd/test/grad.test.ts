import { type Gradient, grad, Tape } from '@dawngrad/autograd';
import {
  add,
  affine,
  applyOp,
  attention,
  type Device,
  defineOp,
  exp,
  linear,
  matmul,
  multiply,
  read,
  readAll,
  reshape,
  scope,
  scopeAsync,
  setDebug,
  sigmoid,
  silu,
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

  it('train a critic of several layers through the penalty of WGAN-GP, as float64 does', async () => {
    await scopeAsync(async () => {
      const [rows, features, hidden] = [5, 3, 4];
      const x = normalArray(21, [rows, features]);
      const shapes = [
        [features, hidden],
        [hidden, hidden],
        [hidden, 1],
      ];
      const weights = shapes.map((shape, i) => normalArray(22 + i, shape, 0.7));
      const layer = (input: readonly number[], w: Float64Array, f: (v: number) => number): number[] =>
        Array.from({ length: w.length / input.length }, (_, j) =>
          f(input.reduce((total, v, k) => total + v * w[(k * w.length) / input.length + j]!, 0)),
        );
      const siluOf = (v: number): number => v / (1 + Math.exp(-v));
      const softplusOf = (v: number): number => Math.log1p(Math.exp(v));
      /** softplus(silu(tanh(x w0) w1) w2) of one row. */
      const critic = (row: Float64Array, all: readonly Float64Array[]): number =>
        layer(layer(layer([...row], all[0]!, Math.tanh), all[1]!, siluOf), all[2]!, softplusOf)[0]!;
      const penalty = (all: readonly Float64Array[]): number => {
        let total = 0;
        for (let n = 0; n < rows; n++) {
          const row = x.data.slice(n * features, (n + 1) * features);
          const inner = differences((moved) => critic(moved, all), row);
          total += (Math.sqrt(inner.reduce((a, g) => a + g * g, 1e-6)) - 1) ** 2;
        }
        return (10 * total) / rows;
      };
      const [input, ...tensors] = [x, ...weights].map((array) => toTensor(device, array)) as [Tensor, ...Tensor[]];
      const { loss, gradients } = grad(() => {
        const [w0, w1, w2] = tensors as [Tensor, Tensor, Tensor];
        const score = (points: Tensor): Tensor => sum(softplus(matmul(silu(matmul(tanh(matmul(points, w0)), w1)), w2)));
        const inner = grad(() => score(input), [input]).gradients[0]!;
        const norm = sqrt(affine(sum(square(inner), { axes: [1] }), 1, 1e-6));
        return affine(sum(square(affine(norm, 1, -1))), 10 / rows, 0);
      }, tensors);
      const [value, ...found] = await readAll([loss, ...gradients]);
      expect(Math.abs(value![0]! / penalty(weights.map(({ data }) => data)) - 1)).toBeLessThan(1e-5);
      weights.forEach((_, k) => {
        const expected = differences(
          (moved) => penalty(weights.map(({ data }, i) => (i === k ? moved : data))),
          weights[k]!.data,
          1e-4,
        );
        expectClose(found[k]!, expected, 5e-4);
      });
    });
  });

  it('of a fused op are refused by name and place, and leave no observer behind', async () => {
    await scopeAsync(async () => {
      const q = toTensor(device, normalArray(10, [2, 1, 4]));
      const [start, end] = [Tensor.from(device, [0, 0], [2], 'u32'), Tensor.from(device, [2, 2], [2], 'u32')];
      const loss = (): Tensor => sum(attention(q, q, q, { start, end }, { scale: 1, window: 0 }));
      const twice = (): unknown => grad(() => sum(grad(loss, [q]).gradients[0]!), [q]);
      expect(twice).toThrowError(
        /^attention: expected a gradient that can be differentiated again, got a fused one \(inputs f32 \[2,1,4\], .*; setDebug\({ callSites: true }\) shows where\)\. Hint: write it as softmax/,
      );
      setDebug({ callSites: true });
      try {
        expect(twice).toThrowError(/; applied at .*grad\.test\.ts:\d+/);
      } finally {
        setDebug({ callSites: false });
      }
      const { gradients } = grad(loss, [q]);
      expect((await read(gradients[0]!)).length).toBe(8);
    });
  });

  it('of a fused op that has a composition come from that', async () => {
    await scopeAsync(async () => {
      const [x, v] = [toTensor(device, normalArray(9, [2, 4])), toTensor(device, normalArray(11, [2, 4]))];
      const curvature = (f: (y: Tensor) => Tensor): Tensor =>
        grad(() => sum(multiply(grad(() => sum(f(x)), [x]).gradients[0]!, v)), [x]).gradients[0]!;
      const fused = await read(curvature((y) => swiglu(y, square(y))));
      const plain = await read(curvature((y) => multiply(silu(y), square(y))));
      expectClose(fused, plain, 1e-5);
    });
  });
});

describe('an error of a gradient', () => {
  const brokenOp = (name: string, gradient: Gradient<undefined>): ((x: Tensor) => Tensor) => {
    const op = defineOp<undefined>({ name, doc: 'y = x', elementwise: { expr: 'x0' }, gradient });
    return (x) => applyOp(op, [x], undefined)[0]!;
  };

  it('names the op, its inputs and where it was applied', () => {
    scope(() => {
      const x = of([1, 2]);
      const wrong = brokenOp('wrongShape', { apply: () => [of([1, 2, 3])] });
      const failing = brokenOp('failing', { apply: ({ dy }) => [add(dy[0]!, of([1, 2, 3]))] });
      setDebug({ callSites: true });
      try {
        expect(() => grad(() => sum(wrong(x)), [x])).toThrowError(
          /^gradient of wrongShape: expected shape \[2\], that of input 0, got \[3\] \(inputs f32 \[2\]; applied at .*grad\.test\.ts/,
        );
        expect(() => grad(() => sum(failing(x)), [x])).toThrowError(
          /^gradient of failing: add: expected .*\(inputs f32 \[2\]; applied at .*grad\.test\.ts/,
        );
      } finally {
        setDebug({ callSites: false });
      }
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
