import { accumulateGradients, Parameters } from '@dawngrad/autograd';
import { add, type Device, fill, linear, multiply, read, scope, scopeAsync, sum, Tensor } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SPECS = [
  { name: 'bias', shape: [3], decay: false },
  { name: 'weight', shape: [3, 50], decay: true },
  { name: 'empty', shape: [0, 4], decay: false },
  { name: 'scalar', shape: [], decay: true },
] as const;

describe('parameters', () => {
  it('have different names', () => {
    const twice = [SPECS[0]!, SPECS[0]!];
    expect(() => new Parameters(device, 'test/parameters', twice, { trainable: true })).toThrowError(/twice/);
  });

  it('lie in one arena, those that decay first, each at a multiple of 64 elements, and start at zero', async () => {
    const parameters = new Parameters(device, 'test/parameters', SPECS, { trainable: true });
    expect(parameters.arenas).toHaveLength(1);
    const { values, gradients } = parameters.arenas[0]!;
    // weight 150 -> 192, scalar -> 64; bias -> 64, empty -> 64.
    expect([values.size, gradients!.size]).toEqual([384, 384]);
    expect(parameters.names.map((name) => [name, parameters.get(name).offset])).toEqual([
      ['weight', 0],
      ['scalar', 192],
      ['bias', 256],
      ['empty', 320],
    ]);
    for (const name of parameters.names) {
      expect(parameters.get(name).isBindable).toBe(true);
      expect(parameters.get(name).storage).toBe(values.storage);
      expect(parameters.gradient(name)!.storage).toBe(gradients!.storage);
      expect(parameters.gradient(name)!.shape).toEqual(parameters.get(name).shape);
    }
    expect(parameters.count).toBe(154);
    expect(parameters.isTrainable).toBe(true);
    expect((await read(values)).every((value) => value === 0)).toBe(true);
    expect((await read(gradients!)).every((value) => value === 0)).toBe(true);
    parameters.dispose();
  });

  it('are set and copied by name, and nothing beside them', async () => {
    const [a, b] = [1, 2].map((i) => new Parameters(device, `test/${i}`, SPECS, { trainable: i === 1 })) as [
      Parameters,
      Parameters,
    ];
    a.set(
      'weight',
      Float32Array.from({ length: 150 }, (_, i) => i + 1),
    );
    a.set('bias', new Float32Array([-0, -1, Number.NaN]));
    b.copyFrom(a);
    expect((await read(b.get('weight')))[149]).toBe(150);
    expect(Array.from(await read(b.get('bias')))).toEqual([-0, -1, Number.NaN]);
    expect((await read(b.arenas[0]!.values)).slice(150, 256).every((value) => value === 0)).toBe(true);
    expect(() => a.set('bias', new Float32Array(4))).toThrowError(expect.objectContaining({ code: 'shape' }));
    expect(() => a.get('nothing')).toThrowError(/expected the name of a parameter, got nothing/);
    expect([a.has('weight'), a.has('nothing')]).toEqual([true, false]);
    a.dispose();
    b.dispose();
  });

  it('that lie next to each other serve as one, with one gradient', async () => {
    const specs = [
      { name: 'q', shape: [3, 64], decay: true },
      { name: 'k', shape: [2, 64], decay: true },
      { name: 'odd', shape: [3, 50], decay: true },
      { name: 'after', shape: [2, 50], decay: true },
      { name: 'norm', shape: [64], decay: false },
    ];
    const parameters = new Parameters(device, 'test/stacked', specs, { trainable: true });
    const wave = (size: number, shift: number) => Float32Array.from({ length: size }, (_, i) => Math.sin(i + shift));
    for (const { name, shape } of specs) parameters.set(name, wave(shape[0]! * (shape[1] ?? 1), shape[0]!));
    const stack = parameters.stacked(['q', 'k'])!;
    expect(stack.shape).toEqual([5, 64]);
    expect(stack.storage).toBe(parameters.get('q').storage);
    expect(parameters.stacked(['q', 'k'])).toBe(stack);
    // Out of order, with a gap between, of other rows, with none.
    for (const names of [['k', 'q'], ['q', 'odd'], ['odd', 'after'], ['k', 'odd'], ['q', 'norm'], []]) {
      expect(parameters.stacked(names), names.join()).toBeUndefined();
    }
    const x = Tensor.from(device, wave(4 * 64, 9), [4, 64]);
    const outputs = (y: Tensor): Tensor => sum(multiply(y, y));
    const gradients: Float32Array[] = [];
    for (const isStacked of [true, false]) {
      parameters.zeroGradients();
      scope(() => {
        accumulateGradients([parameters], () => ({
          loss: isStacked
            ? outputs(linear(x, stack))
            : add(outputs(linear(x, parameters.get('q'))), outputs(linear(x, parameters.get('k')))),
        }));
      });
      gradients.push((await read(parameters.arenas[0]!.gradients!)) as Float32Array);
    }
    expect(gradients[0]!.some((g) => g !== 0)).toBe(true);
    gradients[0]!.forEach((g, i) => {
      expect(Math.abs(g - gradients[1]![i]!)).toBeLessThan(1e-4);
    });
    x.dispose();
    const before = device.memory.liveBuffers;
    parameters.dispose();
    expect(stack.isDisposed).toBe(true);
    expect(device.memory.liveBuffers).toBe(before - 2);
  });

  it('of a frozen set have no gradients and no destinations', () => {
    const frozen = new Parameters(device, 'test/frozen', SPECS, { trainable: false });
    expect(frozen.isTrainable).toBe(false);
    expect(frozen.gradient('weight')).toBeUndefined();
    expect(frozen.destinations().size).toBe(0);
    frozen.zeroGradients();
    frozen.dispose();
  });

  it('outlive the scope that they are made in, and free everything at their end', () => {
    const before = device.memory.liveBuffers;
    const parameters = scope(() => new Parameters(device, 'test/kept', SPECS, { trainable: true }));
    expect(parameters.get('weight').isDisposed).toBe(false);
    expect(device.memory.liveBuffers).toBe(before + 2);
    parameters.dispose();
    expect(device.memory.liveBuffers).toBe(before);
  });

  it('have their gradients cleared together', async () => {
    const parameters = new Parameters(device, 'test/zero', SPECS, { trainable: true });
    fill(parameters.gradient('bias')!, 3);
    parameters.zeroGradients();
    expect((await read(parameters.arenas[0]!.gradients!)).every((value) => value === 0)).toBe(true);
    parameters.dispose();
  });

  it('take several arenas where one would be more than a binding, and refuse a parameter that is', async () => {
    const limit = device.limits.maxStorageBufferBindingSize / 4;
    const half = limit / 2 + 64;
    const specs = [
      { name: 'a', shape: [half], decay: true },
      { name: 'b', shape: [half], decay: false },
      { name: 'c', shape: [64], decay: false },
    ];
    // On an adapter with larger bindings this would fill its memory.
    if (limit <= 2 ** 26) {
      const parameters = new Parameters(device, 'test/large', specs, { trainable: false });
      expect(parameters.arenas.map((arena) => arena.values.size)).toEqual([half, half + 64]);
      parameters.set('c', new Float32Array(64).fill(2));
      expect((await read(parameters.get('c')))[63]).toBe(2);
      parameters.dispose();
      device.pool.trim();
    }
    const huge = [{ name: 'huge', shape: [limit + 1], decay: true }];
    expect(() => new Parameters(device, 'test/large', huge, { trainable: false })).toThrowError(
      /test\/large\/huge: expected at most \d+ elements in one parameter/,
    );
  });
});

describe('accumulateGradients', () => {
  const rows = 12;
  const x = Float32Array.from({ length: rows * 50 }, (_, i) => Math.sin(i));

  /** The sum over rows first..last-1 of squared outputs of a linear layer, as a share of all rows. */
  function objective(parameters: Parameters, first: number, last: number): { loss: Tensor; outputs: Tensor } {
    const input = Tensor.from(device, x.slice(first * 50, last * 50), [last - first, 50]);
    const outputs = linear(input, parameters.get('weight'), { bias: parameters.get('bias') });
    return { loss: multiply(sum(multiply(outputs, outputs)), Tensor.from(device, [1 / rows], [])), outputs };
  }

  function trained(): Parameters {
    const parameters = new Parameters(device, 'test/linear', SPECS, { trainable: true });
    parameters.set(
      'weight',
      Float32Array.from({ length: 150 }, (_, i) => Math.cos(i)),
    );
    parameters.set('bias', new Float32Array([0.1, -0.2, 0.3]));
    return parameters;
  }

  it('adds micro-batches up to the gradient of the whole batch', async () => {
    const gradients: Float32Array[] = [];
    const losses: number[] = [];
    for (const cuts of [
      [0, 12],
      [0, 4, 8, 12],
      [0, 1, 11, 12],
    ]) {
      const parameters = trained();
      let total = 0;
      for (let i = 1; i < cuts.length; i++)
        total += await scopeAsync(async () => {
          const { loss } = accumulateGradients([parameters], () => objective(parameters, cuts[i - 1]!, cuts[i]!));
          return (await read(loss))[0]!;
        });
      losses.push(total);
      gradients.push((await read(parameters.arenas[0]!.gradients!)) as Float32Array);
      parameters.dispose();
    }
    const scale = gradients[0]!.reduce((a, g) => Math.max(a, Math.abs(g)), 0);
    expect(scale).toBeGreaterThan(0.1);
    for (const other of gradients.slice(1))
      other.forEach((g, i) => {
        expect(Math.abs(g - gradients[0]![i]!)).toBeLessThan(2e-6 * scale);
      });
    for (const loss of losses) expect(Math.abs(loss / losses[0]! - 1)).toBeLessThan(1e-6);
  });

  it('frees everything but what the body returns', async () => {
    const parameters = trained();
    const before = device.memory.liveBuffers;
    const { loss, outputs } = accumulateGradients([parameters], () => objective(parameters, 0, rows));
    expect(device.memory.liveBuffers).toBe(before + 2);
    expect((await read(outputs)).length).toBe(rows * 3);
    expect((await read(loss))[0]).toBeGreaterThan(0);
    loss.dispose();
    outputs.dispose();
    expect(device.memory.liveBuffers).toBe(before);
    expect(() =>
      accumulateGradients([parameters], () => {
        objective(parameters, 0, rows);
        throw new Error('in the body');
      }),
    ).toThrowError('in the body');
    expect(device.memory.liveBuffers).toBe(before);
    parameters.dispose();
  });

  it('refuses a loss of more than one element', () => {
    const parameters = trained();
    expect(() => accumulateGradients([parameters], () => ({ loss: objective(parameters, 0, 2).outputs }))).toThrowError(
      /a loss of one element, got shape \[2,3\]/,
    );
    parameters.dispose();
  });

  it('leaves gradients alone where the loss does not depend on the parameters', async () => {
    const parameters = trained();
    accumulateGradients([parameters], () => ({ loss: sum(Tensor.from(device, [1, 2], [2])) })).loss.dispose();
    expect((await read(parameters.arenas[0]!.gradients!)).every((g) => g === 0)).toBe(true);
    parameters.dispose();
  });
});
