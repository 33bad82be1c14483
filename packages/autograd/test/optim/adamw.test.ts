import { Adamw, type AdamwOptions, Parameters } from '@dawngrad/autograd';
import { type Device, overwrite, Rng, read } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SPECS = [
  { name: 'matrix', shape: [9, 8], decay: true },
  { name: 'norm', shape: [7], decay: false },
  { name: 'vector', shape: [70], decay: true },
] as const;
type Values = Map<string, Float64Array>;

const made: { dispose(): void }[] = [];
afterEach(() => {
  for (const item of made.splice(0)) item.dispose();
});
function parametersOf(label: string, specs: readonly (typeof SPECS)[number][] = SPECS): Parameters {
  const parameters = new Parameters(device, label, specs, { trainable: true });
  made.push(parameters);
  return parameters;
}
function adamw(parameters: Parameters | Parameters[], options: AdamwOptions): Adamw {
  const optimizer = new Adamw(parameters, options);
  made.push(optimizer);
  return optimizer;
}

/** Values in float32, a pure function of the name and the step. */
function noise(name: string, step: number, scale: number): Float32Array<ArrayBuffer> {
  const spec = SPECS.find((item) => item.name === name)!;
  const rng = new Rng(name.length, step);
  return Float32Array.from(
    { length: spec.shape.reduce((a: number, b) => a * b, 1) },
    (_, i) => rng.normal(0, i) * scale,
  );
}

function fillValues(sets: readonly Parameters[]): Values {
  const values: Values = new Map();
  for (const set of sets)
    for (const name of set.names) {
      const data = noise(name, 0, 0.5);
      set.set(name, data);
      values.set(name, Float64Array.from(data));
    }
  return values;
}

function setGradients(sets: readonly Parameters[], step: number, scale: number): Values {
  const gradients: Values = new Map();
  for (const set of sets)
    for (const name of set.names) {
      const data = noise(name, 1 + step, scale);
      overwrite(set.gradient(name)!, data);
      gradients.set(name, Float64Array.from(data));
    }
  return gradients;
}

/** AdamW in float64, as Loshchilov and Hutter write it. */
class ReferenceAdamw {
  readonly #options: Required<Omit<AdamwOptions, 'groups'>>;
  readonly #moments = new Map<string, { m: Float64Array; v: Float64Array }>();
  #step = 0;

  constructor(options: Required<Omit<AdamwOptions, 'groups'>>) {
    this.#options = options;
  }

  step(values: Values, gradients: Values, lr: number): number {
    const { beta1, beta2, eps, weightDecay, maxNorm } = this.#options;
    this.#step++;
    let squares = 0;
    for (const gradient of gradients.values()) for (const g of gradient) squares += g * g;
    const norm = Math.sqrt(squares);
    const clip = maxNorm > 0 && norm > maxNorm ? maxNorm / norm : 1;
    for (const [name, value] of values) {
      const { m, v } = this.#moments.get(name) ?? {
        m: new Float64Array(value.length),
        v: new Float64Array(value.length),
      };
      this.#moments.set(name, { m, v });
      const decay = SPECS.find((spec) => spec.name === name)!.decay ? weightDecay : 0;
      value.forEach((p, i) => {
        const g = gradients.get(name)![i]! * clip;
        m[i] = beta1 * m[i]! + (1 - beta1) * g;
        v[i] = beta2 * v[i]! + (1 - beta2) * g * g;
        const update = m[i]! / (1 - beta1 ** this.#step) / (Math.sqrt(v[i]! / (1 - beta2 ** this.#step)) + eps);
        value[i] = p - lr * (decay * p + update);
      });
    }
    return norm;
  }
}

async function expectValues(sets: readonly Parameters[], expected: Values, tolerance: number): Promise<void> {
  for (const set of sets)
    for (const name of set.names) {
      const actual = await read(set.get(name));
      actual.forEach((value, i) => {
        expect(Math.abs(value - expected.get(name)![i]!), `${name}[${i}]`).toBeLessThan(tolerance);
      });
    }
}

describe.each([
  ['with decay, no clipping', { beta1: 0.9, beta2: 0.999, eps: 1e-8, weightDecay: 0.1, maxNorm: 0 }],
  ['with clipping, other betas', { beta1: 0.8, beta2: 0.95, eps: 1e-6, weightDecay: 0.01, maxNorm: 1 }],
])('AdamW %s', (_, options) => {
  it('follows float64 over 20 steps of changing gradients and rates', async () => {
    const parameters = parametersOf('test/adamw');
    const optimizer = adamw(parameters, options);
    const reference = new ReferenceAdamw(options);
    const values = fillValues([parameters]);
    for (let step = 0; step < 20; step++) {
      // From far below to far above the largest norm.
      const gradients = setGradients([parameters], step, 10 ** ((step % 5) - 3));
      const lr = 0.05 / (1 + step);
      const norm = reference.step(values, gradients, lr);
      optimizer.step(lr);
      const stats = Adamw.statsOf(await read(optimizer.stats));
      expect(stats.nonFinite).toBe(0);
      expect(Math.abs(stats.gradientNorm / norm - 1)).toBeLessThan(1e-5);
      if (step === 0) await expectValues([parameters], values, 5e-7);
    }
    await expectValues([parameters], values, 5e-6);
    for (const name of parameters.names)
      expect((await read(parameters.gradient(name)!)).every((g) => g === 0)).toBe(true);
    expect(optimizer.stepCount).toBe(20);
  });

  it('is one and the same over several sets with a common norm', async () => {
    const sets = [parametersOf('test/a', [SPECS[0], SPECS[1]]), parametersOf('test/b', [SPECS[2]])];
    const optimizer = adamw(sets, options);
    const reference = new ReferenceAdamw(options);
    const values = fillValues(sets);
    for (let step = 0; step < 5; step++) {
      reference.step(values, setGradients(sets, step, 1), 0.01);
      optimizer.step(0.01);
    }
    await expectValues(sets, values, 2e-6);
  });
});

describe('AdamW', () => {
  it('takes two launches for one arena and nothing from the host', async () => {
    const parameters = parametersOf('test/adamw');
    const optimizer = adamw(parameters, { maxNorm: 1 });
    await device.finish();
    const before = device.counters;
    optimizer.step(0.1);
    await device.finish();
    expect(device.counters.dispatches - before.dispatches).toBe(2);
    expect(device.counters.submits - before.submits).toBe(1);
  });

  it.each([
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['minus infinity', Number.NEGATIVE_INFINITY],
  ])('skips a step with %s anywhere: values and moments stay, gradients are cleared, time goes on', async (_, bad) => {
    const parameters = parametersOf('test/adamw');
    const optimizer = adamw(parameters, { weightDecay: 0.1, maxNorm: 1 });
    fillValues([parameters]);
    setGradients([parameters], 0, 1);
    optimizer.step(0.01);
    const before = { state: await optimizer.state(), values: await read(parameters.arenas[0]!.values) };
    // First, last, in the middle of a vec4 and at the end of an arena.
    for (const [name, at] of [
      ['matrix', 0],
      ['matrix', 71],
      ['norm', 3],
      ['vector', 69],
    ] as const) {
      setGradients([parameters], 1, 1);
      const gradient = Float32Array.from(await read(parameters.gradient(name)!));
      gradient[at] = bad;
      overwrite(parameters.gradient(name)!, gradient);
      optimizer.step(0.01);
      expect(Adamw.statsOf(await read(optimizer.stats)).nonFinite).toBe(1);
      const after = await optimizer.state();
      expect(await read(parameters.arenas[0]!.values)).toEqual(before.values);
      expect(after.first).toEqual(before.state.first);
      expect(after.second).toEqual(before.state.second);
      expect((await read(parameters.arenas[0]!.gradients!)).every((g) => g === 0)).toBe(true);
    }
    expect(optimizer.stepCount).toBe(5);
    setGradients([parameters], 2, 1);
    optimizer.step(0.01);
    expect(await read(parameters.arenas[0]!.values)).not.toEqual(before.values);
  });

  it('skips a step whose squares overflow although its gradients are finite', async () => {
    const parameters = parametersOf('test/adamw');
    const optimizer = adamw(parameters, {});
    fillValues([parameters]);
    const before = await read(parameters.get('norm'));
    overwrite(parameters.gradient('norm')!, new Float32Array(7).fill(1e30));
    optimizer.step(0.01);
    expect(Adamw.statsOf(await read(optimizer.stats)).nonFinite).toBe(1);
    expect(await read(parameters.get('norm'))).toEqual(before);
  });

  it('skips a step whose gradient norm is above the limit, at the very f32 of the norm, and none without one', async () => {
    const parameters = parametersOf('test/adamw');
    const optimizer = adamw(parameters, { maxNorm: 1 });
    fillValues([parameters]);
    const stepAbove = async (limit: number | undefined): Promise<boolean> => {
      const before = await read(parameters.arenas[0]!.values);
      setGradients([parameters], 0, 1);
      optimizer.skipAbove = limit;
      optimizer.step(0.01);
      expect((await read(parameters.arenas[0]!.gradients!)).every((g) => g === 0)).toBe(true);
      return (await read(parameters.arenas[0]!.values)).some((value, i) => value !== before[i]);
    };
    expect(await stepAbove(undefined)).toBe(true);
    const { gradientNorm, nonFinite } = Adamw.statsOf(await read(optimizer.stats));
    expect(nonFinite).toBe(0);
    const below = new Float32Array(
      new Uint32Array([new Uint32Array(Float32Array.of(gradientNorm).buffer)[0]! - 1]).buffer,
    );
    expect(await stepAbove(below[0])).toBe(false);
    expect(await stepAbove(gradientNorm)).toBe(true);
    expect(await stepAbove(undefined)).toBe(true);
    expect(optimizer.stepCount).toBe(4);
  });

  it('continues from its state bit for bit', async () => {
    const [one, two] = [parametersOf('test/one'), parametersOf('test/two')];
    const options = { weightDecay: 0.1, maxNorm: 1 };
    const first = adamw(one, options);
    fillValues([one]);
    const step = (parameters: Parameters, optimizer: Adamw, index: number): void => {
      setGradients([parameters], index, 1);
      optimizer.step(0.01);
    };
    for (let i = 0; i < 3; i++) step(one, first, i);
    const second = adamw(two, options);
    second.restore(await first.state());
    two.copyFrom(one);
    expect(second.stepCount).toBe(3);
    for (let i = 3; i < 6; i++) {
      step(one, first, i);
      step(two, second, i);
    }
    expect(await read(two.arenas[0]!.values)).toEqual(await read(one.arenas[0]!.values));
    expect(await second.state()).toEqual(await first.state());
  });

  it('refuses a state of other parameters, and parameters that are frozen or none', async () => {
    const optimizer = adamw(parametersOf('test/all'), {});
    const other = adamw(parametersOf('test/part', [SPECS[1]]), {});
    const state = await other.state();
    expect(() => optimizer.restore(state)).toThrowError(expect.objectContaining({ code: 'corrupt' }));
    const frozen = new Parameters(device, 'test/frozen', SPECS, { trainable: false });
    made.push(frozen);
    expect(() => new Adamw(frozen)).toThrowError(/test\/frozen, which are frozen/);
    expect(() => new Adamw([])).toThrowError(/trainable parameters, got none/);
  });

  it('gives back all that it took', () => {
    const parameters = parametersOf('test/adamw');
    const before = device.memory.liveBuffers;
    new Adamw(parameters).dispose();
    expect(device.memory.liveBuffers).toBe(before);
  });
});
