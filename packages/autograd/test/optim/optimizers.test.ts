import {
  Adafactor,
  Adamw,
  Adamw8bit,
  createOptimizer,
  Muon,
  type Optimizer,
  Parameters,
  Sgd,
  stepStats,
} from '@dawngrad/autograd';
import { type Device, overwrite, Rng, read, readAll, Scalar } from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { dynamicCodebook } from '../../src/optim/dynamic-codebook.ts';
import * as reference from './references.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SPECS = [
  { name: 'layer.0.wide', shape: [24, 40], decay: true },
  { name: 'layer.0.norm', shape: [7], decay: false },
  { name: 'layer.1.wide', shape: [24, 40], decay: true },
  { name: 'layer.1.tall', shape: [33, 9], decay: true },
  { name: 'embed', shape: [70, 12], decay: true },
  { name: 'empty', shape: [0, 3], decay: true },
  { name: 'scale', shape: [], decay: false },
  { name: 'cube', shape: [3, 10, 20], decay: true },
] as const;

const made: { dispose(): void }[] = [];
afterEach(() => {
  for (const item of made.splice(0).reverse()) item.dispose();
});
function own<T extends { dispose(): void }>(item: T): T {
  made.push(item);
  return item;
}
const parametersOf = (label: string): Parameters => own(new Parameters(device, label, SPECS, { trainable: true }));

function noise(name: string, step: number, size: number, scale: number): Float32Array<ArrayBuffer> {
  const rng = new Rng([...name].reduce((a, letter) => a * 31 + letter.charCodeAt(0), 7) % 1e6, step);
  return Float32Array.from({ length: size }, (_, i) => rng.normal(0, i) * scale);
}
const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

function fillValues(parameters: Parameters): reference.ReferenceParameter[] {
  return SPECS.map(({ name, shape, decay }) => {
    const data = noise(name, 0, sizeOf(shape), 0.5);
    if (data.length > 0) parameters.set(name, data);
    return { name, shape, decay, value: Float64Array.from(data), state: {} };
  });
}

function setGradients(parameters: Parameters, step: number, scale: number): Map<string, Float64Array> {
  return new Map(
    SPECS.map(({ name, shape }) => {
      // Rows of very different size, as gradients have them.
      const data = noise(name, 1 + step, sizeOf(shape), scale).map((g, i) => g * 10 ** -((i >> 3) % 3));
      if (data.length > 0) overwrite(parameters.gradient(name)!, data);
      return [name, Float64Array.from(data)];
    }),
  );
}

/** The largest difference of any value, and the share of values that differ by more than `bound`. */
async function differences(
  parameters: Parameters,
  expected: readonly reference.ReferenceParameter[],
  bound: number,
): Promise<{ worst: number; share: number }> {
  let [worst, over, count] = [0, 0, 0];
  for (const { name, value } of expected) {
    const actual = await read(parameters.get(name));
    value.forEach((v, i) => {
      const difference = Math.abs(v - actual[i]!);
      worst = Math.max(worst, difference);
      over += difference > bound ? 1 : 0;
      count++;
    });
  }
  return { worst, share: over / count };
}

/** A block of 256 values of the padded arena rounded to the dynamic codebook, as if a parameter began a block. */
function rounded(values: Float64Array, isSigned: boolean): Float64Array {
  const entries = dynamicCodebook(isSigned);
  const largest = values.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
  return values.map((x) => {
    if (x === 0) return 0;
    const at = x / largest;
    let best = isSigned ? 0 : 1;
    entries.forEach((entry, i) => {
      if ((isSigned || i > 0) && Math.abs(entry - at) < Math.abs(entries[best]! - at)) best = i;
    });
    return entries[best]! * largest;
  });
}

const adam = { beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0.1 };
const groups = [
  { match: 'layer.1.*', lrScale: 0.5, weightDecay: 0.3, beta1: 0.5, beta2: 0.9 },
  { match: /^(scale|embed)$/, lrScale: 2 },
];
const plainGroups = [
  { match: 'layer.1.*', lrScale: 0.5, weightDecay: 0.3 },
  { match: /^(scale|embed)$/, lrScale: 2 },
];

interface Case {
  readonly name: string;
  readonly create: (parameters: Parameters, maxNorm: number) => Optimizer;
  readonly update: reference.ReferenceUpdate;
  readonly tolerance: number;
  /** Launches of a step. */
  readonly dispatches: number;
}

const CASES: readonly Case[] = [
  {
    name: 'AdamW with groups',
    create: (p, maxNorm) => new Adamw(p, { ...adam, groups, maxNorm }),
    update: reference.adamw({ ...adam, groups }),
    tolerance: 1e-5,
    dispatches: 2,
  },
  {
    name: 'SGD',
    create: (p, maxNorm) => new Sgd(p, { weightDecay: 0.1, maxNorm }),
    update: reference.sgd({ weightDecay: 0.1, nesterov: false }),
    tolerance: 1e-5,
    dispatches: 2,
  },
  {
    name: 'SGD with momentum and groups',
    create: (p, maxNorm) =>
      new Sgd(p, {
        momentum: 0.9,
        weightDecay: 0.1,
        maxNorm,
        groups: [{ match: 'layer.1.*', beta1: 0.5, lrScale: 2 }],
      }),
    update: reference.sgd({
      beta1: 0.9,
      weightDecay: 0.1,
      nesterov: false,
      groups: [{ match: 'layer.1.*', beta1: 0.5, lrScale: 2 }],
    }),
    tolerance: 1e-4,
    dispatches: 2,
  },
  {
    name: "SGD with Nesterov's momentum",
    create: (p, maxNorm) => new Sgd(p, { momentum: 0.9, nesterov: true, maxNorm }),
    update: reference.sgd({ beta1: 0.9, nesterov: true }),
    tolerance: 1e-4,
    dispatches: 2,
  },
  {
    name: 'Adafactor',
    create: (p, maxNorm) => new Adafactor(p, { weightDecay: 0.1, minFactoredSide: 16, maxNorm }),
    update: reference.adafactor({ weightDecay: 0.1, minFactoredSide: 16, scaleParameter: true }),
    tolerance: 1e-5,
    dispatches: 7,
  },
  {
    name: 'Adafactor with groups and the learning rate as it is',
    create: (p, maxNorm) =>
      new Adafactor(p, { groups: plainGroups, minFactoredSide: 2, scaleParameter: false, maxNorm }),
    update: reference.adafactor({ groups: plainGroups, minFactoredSide: 2, scaleParameter: false }),
    tolerance: 1e-5,
    dispatches: 7,
  },
  {
    name: 'Muon',
    create: (p, maxNorm) => new Muon(p, { ...adam, momentum: 0.9, maxNorm }),
    update: reference.muon({ ...adam, momentum: 0.9, nesterov: true, scale: 'rms' }),
    tolerance: 2e-4,
    // Two shapes of matrices: 2 + 15 launches each.
    dispatches: 3 + 2 * 17,
  },
  {
    name: 'Muon in its first form, with groups',
    create: (p, maxNorm) => new Muon(p, { ...adam, groups, nesterov: false, scale: 'spectral', maxNorm }),
    update: reference.muon({ ...adam, groups, momentum: 0.95, nesterov: false, scale: 'spectral' }),
    tolerance: 2e-4,
    dispatches: 3 + 2 * 17,
  },
];

function referenceStep(
  update: reference.ReferenceUpdate,
  parameters: readonly reference.ReferenceParameter[],
  gradients: ReadonlyMap<string, Float64Array>,
  { maxNorm, lr, step }: { maxNorm: number; lr: number; step: number },
): number {
  let squares = 0;
  for (const gradient of gradients.values()) for (const g of gradient) squares += g * g;
  const norm = Math.sqrt(squares);
  const clip = maxNorm > 0 && norm > maxNorm ? maxNorm / norm : 1;
  for (const parameter of parameters) {
    if (parameter.value.length === 0) continue;
    update(
      parameter,
      gradients.get(parameter.name)!.map((g) => g * clip),
      lr,
      step,
    );
  }
  return norm;
}

describe.each(CASES.map((item) => [item.name, item] as const))('%s', (_, { create, update, tolerance, dispatches }) => {
  it.each([0, 1])('follows float64 over 24 steps of changing gradients and rates, with maxNorm %d', async (maxNorm) => {
    const parameters = parametersOf('test/optimizer');
    const optimizer = own(create(parameters, maxNorm));
    const expected = fillValues(parameters);
    const lr = new Scalar(0);
    for (let step = 1; step <= 24; step++) {
      // From far below to above the largest norm.
      const gradients = setGradients(parameters, step, 10 ** ((step % 4) - 3));
      lr.value = 0.02 / (1 + step / 8);
      const norm = referenceStep(update, expected, gradients, { maxNorm, lr: lr.value, step });
      optimizer.step(step % 2 === 0 ? lr : lr.value);
      const stats = stepStats(await read(optimizer.stats));
      expect(stats.nonFinite).toBe(0);
      expect(Math.abs(stats.gradientNorm / norm - 1)).toBeLessThan(1e-5);
    }
    const { worst } = await differences(parameters, expected, 0);
    expect(worst).toBeLessThan(tolerance);
    const start = fillValues(own(new Parameters(device, 'test/start', SPECS, { trainable: false })));
    expect((await differences(parameters, start, 20 * tolerance)).share).toBeGreaterThan(0.2);
    for (const name of parameters.names)
      expect((await read(parameters.gradient(name)!)).every((g) => g === 0)).toBe(true);
    expect(optimizer.stepCount).toBe(24);
  });

  it(`takes ${dispatches} launches a step and nothing from the host`, async () => {
    const parameters = parametersOf('test/optimizer');
    const optimizer = own(create(parameters, 1));
    await device.finish();
    const before = device.counters;
    optimizer.step(0.1);
    await device.finish();
    expect(device.counters.dispatches - before.dispatches).toBe(dispatches);
    expect(device.counters.submits - before.submits).toBe(1);
  });
});

const ALL: readonly [string, Case['create']][] = [
  ...CASES.map(({ name, create }) => [name, create] as [string, Case['create']]),
  ['8-bit AdamW', (p, maxNorm) => new Adamw8bit(p, { ...adam, groups, maxNorm })],
];

describe.each(ALL)('%s', (_, create) => {
  it('skips a step with a non-finite gradient on the device: state and values stay, gradients are cleared', async () => {
    const parameters = parametersOf('test/optimizer');
    const optimizer = own(create(parameters, 1));
    fillValues(parameters);
    setGradients(parameters, 1, 1);
    optimizer.step(0.01);
    const arena = parameters.arenas[0]!;
    const before = { state: await optimizer.state(), values: await read(arena.values) };
    for (const [name, at, bad] of [
      ['layer.0.wide', 0, Number.NaN],
      ['layer.1.tall', 296, Number.POSITIVE_INFINITY],
      ['scale', 0, Number.NEGATIVE_INFINITY],
      ['embed', 839, 1e30],
    ] as const) {
      setGradients(parameters, 2, 1);
      const gradient = Float32Array.from(await read(parameters.gradient(name)!));
      gradient[at] = bad;
      overwrite(parameters.gradient(name)!, gradient);
      optimizer.step(0.01);
      expect(stepStats(await read(optimizer.stats)).nonFinite).toBe(1);
      const { step, ...arrays } = await optimizer.state();
      const { step: stepBefore, ...arraysBefore } = before.state;
      expect(arrays).toEqual(arraysBefore);
      expect(step).toBeGreaterThan(stepBefore);
      expect(await read(arena.values)).toEqual(before.values);
      expect((await read(arena.gradients!)).every((g) => g === 0)).toBe(true);
    }
    setGradients(parameters, 3, 1);
    optimizer.step(0.01);
    expect(await read(arena.values)).not.toEqual(before.values);
  });

  it('continues from its state bit for bit', async () => {
    const [one, two] = [parametersOf('test/one'), parametersOf('test/two')];
    const first = own(create(one, 1));
    fillValues(one);
    const step = (parameters: Parameters, optimizer: Optimizer, index: number): void => {
      setGradients(parameters, index, 1);
      optimizer.step(0.01);
    };
    for (let i = 0; i < 3; i++) step(one, first, i);
    const second = own(create(two, 1));
    second.restore(await first.state());
    two.copyFrom(one);
    expect(second.stepCount).toBe(3);
    for (let i = 3; i < 6; i++) {
      step(one, first, i);
      step(two, second, i);
    }
    const [a, b] = await readAll([one.arenas[0]!.values, two.arenas[0]!.values]);
    expect(b).toEqual(a);
    expect(await second.state()).toEqual(await first.state());
  });

  it('refuses a state of other parameters, and gives back all that it took', async () => {
    const parameters = parametersOf('test/optimizer');
    const part = own(
      new Parameters(device, 'test/part', [SPECS[0], SPECS[2], SPECS[4], SPECS[6]], { trainable: true }),
    );
    const before = device.memory.liveBuffers;
    const optimizer = create(parameters, 1);
    const other = create(part, 1);
    const state = await other.state();
    if (Object.keys(state).length > 1)
      expect(() => optimizer.restore(state)).toThrowError(expect.objectContaining({ code: 'corrupt' }));
    optimizer.dispose();
    other.dispose();
    expect(device.memory.liveBuffers).toBe(before);
  });
});

describe('8-bit AdamW', () => {
  it('follows float64 with moments rounded to its codebook, and AdamW itself nearly', async () => {
    // One block a parameter, so that the reference can round each by itself.
    const specs = ['a', 'b', 'c'].map((name) => ({ name, shape: [256], decay: true }));
    const parameters = own(new Parameters(device, 'test/8bit', specs, { trainable: true }));
    const optimizer = own(new Adamw8bit(parameters, adam));
    const start = specs.map(({ name, shape, decay }) => {
      const data = noise(name, 0, 256, 0.5);
      parameters.set(name, data);
      return { name, shape, decay, value: Float64Array.from(data), state: {} };
    });
    const exact = start.map((item) => ({ ...item, value: Float64Array.from(item.value), state: {} }));
    const [quantised, full] = [reference.adamw(adam, rounded), reference.adamw(adam)];
    for (let step = 1; step <= 24; step++) {
      const gradients = new Map(
        specs.map(({ name }) => {
          const data = noise(name, step, 256, 0.1).map((g, i) => g * 10 ** -(i % 4));
          overwrite(parameters.gradient(name)!, data);
          return [name, Float64Array.from(data)];
        }),
      );
      referenceStep(quantised, start, gradients, { maxNorm: 0, lr: 0.01, step });
      referenceStep(full, exact, gradients, { maxNorm: 0, lr: 0.01, step });
      optimizer.step(0.01);
    }
    // A moment midway between two codes may go either way in f32; nearly all go the same way.
    const found = await differences(parameters, start, 1e-5);
    expect(found.share).toBeLessThan(0.02);
    expect(found.worst).toBeLessThan(0.02);
    // 24 steps of 0.01 move a value by up to 0.24.
    expect((await differences(parameters, exact, 0.03)).share).toBeLessThan(0.02);
  });

  it('takes 2.03 bytes a parameter where AdamW takes 8', () => {
    const specs = [{ name: 'matrix', shape: [256, 256], decay: true }];
    const parameters = own(new Parameters(device, 'test/bytes', specs, { trainable: true }));
    const bytesBefore = device.memory.liveBytes;
    const optimizer = own(new Adamw8bit(parameters));
    expect(optimizer.stateBytes).toBe(65536 * 2 + 256 * 8);
    // Beside the state: codebook, group table, partial sums.
    expect(device.memory.liveBytes - bytesBefore).toBeLessThan(optimizer.stateBytes + 12_000);
    const before = device.memory.liveBytes;
    own(new Adamw(parameters));
    expect(device.memory.liveBytes - before).toBeGreaterThan(65536 * 8);
  });
});

describe('createOptimizer', () => {
  it('makes each by its name', () => {
    const parameters = parametersOf('test/names');
    for (const [name, type] of [
      ['adafactor', Adafactor],
      ['adamw', Adamw],
      ['adamw8bit', Adamw8bit],
      ['muon', Muon],
      ['sgd', Sgd],
    ] as const)
      expect(own(createOptimizer(name, parameters, {}))).toBeInstanceOf(type);
    expect(() => createOptimizer('adam' as 'adamw', parameters, {})).toThrowError(/an optimizer: .*sgd, got adam\./);
  });
});

describe('the codebooks', () => {
  it('are the 256 values of the publication', () => {
    const [signed, unsigned] = [dynamicCodebook(true), dynamicCodebook(false)];
    for (const entries of [signed, unsigned]) {
      expect(entries.length).toBe(256);
      expect(new Set(entries).size).toBe(256);
      expect([...entries]).toEqual([...entries].sort((a, b) => a - b));
      expect(entries.at(-1)).toBe(1);
    }
    // Smallest and largest midpoints: 0.55e-6 and 1 - 0.9 / 128; 0.325e-6 and 1 - 0.9 / 256.
    expect(signed.filter((x) => x > 0)[0]).toBeCloseTo(0.55e-6, 10);
    expect(signed.at(-2)).toBeCloseTo(1 - 0.9 / 128, 6);
    expect(unsigned[1]).toBeCloseTo(0.325e-6, 10);
    expect(unsigned.at(-2)).toBeCloseTo(1 - 0.9 / 256, 6);
  });
});

describe('state on the device', () => {
  it('is a row and a column of a matrix for Adafactor, and one value a matrix element for Muon', () => {
    const specs = [
      { name: 'matrix', shape: [256, 384], decay: true },
      { name: 'vector', shape: [100], decay: false },
    ];
    const parameters = own(new Parameters(device, 'test/bytes', specs, { trainable: true }));
    expect(own(new Adafactor(parameters)).stateBytes).toBe(4 * (256 + 384 + 100));
    expect(own(new Muon(parameters)).stateBytes).toBe(4 * (256 * 384 + 128 + 128));
  });
});

describe('parameter groups', () => {
  it('are refused where they match nothing, or set what the optimizer does not have', () => {
    const parameters = parametersOf('test/groups');
    const before = device.memory.liveBuffers;
    expect(() => new Adamw(parameters, { groups: [{ match: 'layer.9.*' }] })).toThrowError(
      /expected parameters of the group layer\.9\.\*, got none of 8 names/,
    );
    expect(() => new Adamw(parameters, { groups: [{ match: '*' }, { match: 'scale' }] })).toThrowError(/group scale/);
    expect(() => new Sgd(parameters, { groups: [{ match: '*', beta2: 0.5 }] })).toThrowError(
      /expected settings that the optimizer has, got beta2 of the group \*/,
    );
    expect(() => new Sgd(parameters, { nesterov: true })).toThrowError(/a momentum/);
    expect(device.memory.liveBuffers).toBe(before);
  });
});
