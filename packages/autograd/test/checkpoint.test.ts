import {
  accumulateGradients,
  checkpoint,
  grad,
  noGrad,
  Parameters,
  stopGradient,
  valueAndGrad,
} from '@dawngrad/autograd';
import {
  add,
  type Device,
  dropout,
  exp,
  linear,
  matmul,
  mean,
  multiply,
  read,
  readAll,
  rmsNorm,
  scope,
  scopeAsync,
  square,
  sum,
  swiglu,
  Tensor,
  tanh,
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

const LAYERS = 6;
const WIDTH = 32;
const ROWS = 256;
type Wrap = (layer: (x: Tensor) => Tensor, x: Tensor) => Tensor;

/** A stack of residual blocks that close over their parameters. */
function network(): { parameters: Parameters; loss: (wrap: Wrap) => Tensor } {
  const specs = Array.from({ length: LAYERS }, (_, i) => [
    { name: `${i}.norm`, shape: [WIDTH], decay: false },
    { name: `${i}.gate`, shape: [2 * WIDTH, WIDTH], decay: true },
    { name: `${i}.up`, shape: [2 * WIDTH, WIDTH], decay: true },
    { name: `${i}.down`, shape: [WIDTH, 2 * WIDTH], decay: true },
  ]).flat();
  const parameters = new Parameters(device, 'test/network', specs, { trainable: true });
  specs.forEach(({ name, shape }, i) => {
    const scale = shape.length === 1 ? 0.1 : 0.2;
    parameters.set(name, Float32Array.from(normalArray(i, shape, scale, shape.length === 1 ? 1 : 0).data));
  });
  const input = Float32Array.from(normalArray(99, [ROWS, WIDTH]).data);
  const block =
    (i: number) =>
    (x: Tensor): Tensor => {
      const weight = (name: string): Tensor => parameters.get(`${i}.${name}`);
      const normed = rmsNorm(x, weight('norm'), 1e-5);
      const hidden = swiglu(linear(normed, weight('gate')), linear(normed, weight('up')));
      return linear(hidden, weight('down'), { residual: x });
    };
  const loss = (wrap: Wrap): Tensor => {
    let x: Tensor = Tensor.from(device, input, [ROWS, WIDTH]);
    for (let i = 0; i < LAYERS; i++) x = wrap(block(i), x);
    return mean(square(x));
  };
  return { parameters, loss };
}

const plain: Wrap = (layer, x) => layer(x);
const checkpointed: Wrap = (layer, x) => checkpoint(layer, [x]);
const nested: Wrap = (layer, x) => checkpoint((y) => multiply(checkpoint(layer, [y]), of([1], [])), [x]);

async function gradientsOf(wrap: Wrap): Promise<{ loss: number; gradients: Float32Array; peak: number }> {
  const { parameters, loss } = network();
  await device.finish();
  device.pool.resetPeak();
  const value = await scopeAsync(async () => {
    const result = accumulateGradients([parameters], () => ({ loss: loss(wrap) }));
    return (await read(result.loss))[0]!;
  });
  const peak = device.memory.peakLiveBytes - device.memory.liveBytes;
  const gradients = (await read(parameters.arenas[0]!.gradients!)) as Float32Array;
  parameters.dispose();
  return { loss: value, gradients, peak };
}

describe('checkpoint', () => {
  it('gives the same loss and gradients to the last bit, in less memory, and frees everything', async () => {
    const before = device.memory.liveBuffers;
    const reference = await gradientsOf(plain);
    const found = await gradientsOf(checkpointed);
    expect(found.loss).toBe(reference.loss);
    expect(reference.gradients.some((g) => Math.abs(g) > 1e-3)).toBe(true);
    expect(found.gradients).toEqual(reference.gradients);
    // A block keeps two [rows, width] and four [rows, 2 width] arrays; a checkpoint one [rows, width].
    const unit = ROWS * WIDTH * 4;
    expect(reference.peak).toBeGreaterThan(LAYERS * 7 * unit);
    expect(found.peak).toBeLessThan((LAYERS + 20) * unit);
    expect(found.peak).toBeLessThan(0.6 * reference.peak);
    expect(device.memory.liveBuffers).toBe(before);
  });

  it('nests, bit for bit', async () => {
    const [reference, found] = [
      await gradientsOf((layer, x) => multiply(layer(x), of([1], []))),
      await gradientsOf(nested),
    ];
    expect(found.gradients).toEqual(reference.gradients);
  });

  it('adds to gradients of the same tensor from other uses in the same order', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, normalArray(1, [33]));
      const body = (wrap: (f: (y: Tensor) => Tensor) => Tensor): Tensor =>
        sum(
          add(
            add(
              exp(x),
              wrap((y) => multiply(add(tanh(y), square(y)), y)),
            ),
            multiply(x, tanh(x)),
          ),
        );
      const [a, b] = [grad(() => body((f) => f(x)), [x]), grad(() => body((f) => checkpoint(f, [x])), [x])];
      const [plainly, again] = await readAll([a.gradients[0]!, b.gradients[0]!]);
      expect(again).toEqual(plainly);
    });
  });

  it('takes several inputs and gives several results, one of which may be an input or come twice', async () => {
    await scopeAsync(async () => {
      const [x, y, scale] = [of([1, 2, 3]), of([4, 5, 6]), of([2], [])];
      const body = (use: typeof checkpoint): Tensor => {
        const [a, b, c, d] = use(
          (p, q) => {
            const product = multiply(multiply(p, q), scale);
            return [product, p, product, multiply(of([3], []), q)];
          },
          [x, y],
        ) as [Tensor, Tensor, Tensor, Tensor];
        return sum(add(multiply(a, b), add(c, d)));
      };
      const plainly = grad(
        () => body(((f: (...inputs: Tensor[]) => Tensor[], all: Tensor[]) => f(...all)) as never),
        [x, y, scale],
      );
      const found = grad(() => body(checkpoint), [x, y, scale]);
      // 2 x^2 y + 2 x y + 3 y
      expect(Array.from(await read(found.gradients[0]!))).toEqual(
        [1, 2, 3].map((v, i) => 4 * v * (4 + i) + 2 * (4 + i)),
      );
      for (let i = 0; i < 3; i++) expect(await read(found.gradients[i]!)).toEqual(await read(plainly.gradients[i]!));
    });
  });

  it('runs its function once where nothing is recorded, and twice for a gradient', () => {
    scope(() => {
      let runs = 0;
      const f = (x: Tensor): Tensor => {
        runs++;
        return exp(x);
      };
      const x = of([1]);
      checkpoint(f, [x]);
      expect(runs).toBe(1);
      grad(() => sum(checkpoint(f, [x])), [x]);
      expect(runs).toBe(3);
      grad(
        () =>
          sum(
            add(
              noGrad(() => checkpoint(f, [x])),
              x,
            ),
          ),
        [x],
      );
      expect(runs).toBe(4);
    });
  });

  it('draws the same random numbers again', async () => {
    await scopeAsync(async () => {
      const x = toTensor(device, normalArray(6, [500]));
      const layer = (y: Tensor): Tensor => multiply(dropout(tanh(y), 0.5, { seed: 3, step: 7 }), y);
      const [plainly, again] = [layer, (y: Tensor) => checkpoint(layer, [y])].map((f) => grad(() => sum(f(x)), [x]));
      const [loss, gradient, lossAgain, gradientAgain] = await readAll([
        plainly!.loss,
        plainly!.gradients[0]!,
        again!.loss,
        again!.gradients[0]!,
      ]);
      expect([lossAgain, gradientAgain]).toEqual([loss, gradient]);
      expect(gradient!.filter((g) => g === 0).length).toBeGreaterThan(200);
    });
  });

  it('can be differentiated twice', async () => {
    await scopeAsync(async () => {
      const [x, w] = [toTensor(device, normalArray(3, [4, 3])), toTensor(device, normalArray(4, [3, 3]))];
      const penalty = (use: (f: (y: Tensor) => Tensor) => Tensor): Tensor[] =>
        grad((input: Tensor, weight: Tensor) => {
          const inner = grad(() => sum(use((y) => tanh(matmul(y, weight)))), [input]);
          return sum(square(inner.gradients[0]!));
        })(x, w);
      const [plainly, again] = [penalty((f) => f(x)), penalty((f) => checkpoint(f, [x]))];
      for (let i = 0; i < 2; i++) expect(await read(again[i]!)).toEqual(await read(plainly[i]!));
      expect((await read(again[1]!)).some((g) => Math.abs(g) > 0.01)).toBe(true);
    });
  });

  it('says where in it a gradient failed', () => {
    scope(() => {
      const x = of([1, 2]);
      let gone: Tensor | undefined;
      const loss = (): Tensor =>
        sum(
          checkpoint(
            (y) => {
              gone ??= exp(y);
              return multiply(y, gone);
            },
            [x],
          ),
        );
      expect(() => grad(loss, [x])).toThrowError(/^gradient of checkpoint: .*disposed.*inputs f32 \[2\]/);
    });
  });
});

describe('noGrad and stopGradient', () => {
  it('make constants of what they are given', async () => {
    await scopeAsync(async () => {
      const x = of([3]);
      const { gradients } = grad(
        () =>
          sum(
            multiply(
              multiply(x, stopGradient(x)),
              noGrad(() => square(x)),
            ),
          ),
        [x],
      );
      expect(Array.from(await read(gradients[0]!))).toEqual([27]);
    });
  });

  it('copy nothing, and keep their values inside a checkpoint', async () => {
    await scopeAsync(async () => {
      const x = of([1, 2]);
      expect(stopGradient(x).storage).toBe(x.storage);
      const f = (y: Tensor): Tensor => multiply(y, stopGradient(exp(y)));
      const { gradients } = grad(() => sum(checkpoint(f, [x])), [x]);
      const values = await read(gradients[0]!);
      [1, 2].forEach((v, i) => {
        expect(Math.abs(values[i]! / Math.exp(v) - 1)).toBeLessThan(1e-6);
      });
    });
  });
});

describe('valueAndGrad', () => {
  it('gives the value and the gradients by all inputs; grad of a function the gradients alone', async () => {
    await scopeAsync(async () => {
      const [x, y] = [of([1, 2]), of([3, 4])];
      const f = (a: Tensor, b: Tensor): Tensor => sum(multiply(square(a), b));
      const { value, gradients } = valueAndGrad(f)(x, y);
      expect(Array.from(await read(value))).toEqual([19]);
      expect(Array.from(await read(gradients[0]!))).toEqual([6, 16]);
      expect(Array.from(await read(gradients[1]!))).toEqual([1, 4]);
      expect(Array.from(await read(grad(f)(x, y)[0]!))).toEqual([6, 16]);
    });
  });
});
