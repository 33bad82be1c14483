import { accumulateGradients, createOptimizer, type OptimizerName, Parameters } from '@dawngrad/autograd';
import {
  add,
  blockHeights,
  compile,
  type Device,
  embedding,
  linear,
  linearLogProbs,
  mean,
  readAll,
  scope,
  scopeAsync,
  type Tensor,
} from '@dawngrad/tensor';
import { openDevice } from '@dawngrad/tensor/node';
import { indexArray, normalArray, toTensor, worstError } from '@dawngrad/tensor/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

// Two devices of the same adapter: bindings of 32 KiB at most, and whatever there is.
let small: Device;
let large: Device;
beforeAll(async () => {
  small = await openDevice({ limits: { maxStorageBufferBindingSize: 32 * 1024 } });
  large = await openDevice();
});
afterAll(() => {
  small.close();
  large.close();
});

const [VOCABULARY, WIDTH, TOKENS] = [900, 24, 8];
const HEIGHTS = [256, 256, 256, 132];
const EMBEDDING = { name: 'embed', shape: [VOCABULARY, WIDTH], decay: true };
const OTHERS = [
  { name: 'inner', shape: [WIDTH, WIDTH], decay: true },
  { name: 'bias', shape: [WIDTH], decay: false },
];
const values = (seed: number, shape: readonly number[]) => Float32Array.from(normalArray(seed, [...shape], 0.3).data);

/** A tiny model: a tied embedding and one linear in between. */
function modelOn(device: Device, specs: readonly { name: string; shape: readonly number[]; decay: boolean }[]) {
  const parameters = new Parameters(device, 'test/blocks', specs, { trainable: true });
  const table = values(1, [VOCABULARY, WIDTH]);
  let end = 0;
  for (const { name, shape } of specs.filter((spec) => spec.name.startsWith('embed'))) {
    parameters.set(name, table.slice(end, end + shape[0]! * WIDTH));
    end += shape[0]! * WIDTH;
  }
  parameters.set('inner', values(2, [WIDTH, WIDTH]));
  parameters.set('bias', values(3, [WIDTH]));
  const names = specs.map(({ name }) => name).filter((name) => name.startsWith('embed'));
  return { parameters, names, blocks: () => names.flatMap((name) => parameters.blocks(name)) };
}

type Model = ReturnType<typeof modelOn>;

function lossOf({ parameters, blocks }: Model): Tensor {
  const { device } = parameters;
  const ids = toTensor(device, indexArray(4, [TOKENS], VOCABULARY));
  const targets = toTensor(device, indexArray(5, [TOKENS], VOCABULARY));
  const hidden = linear(embedding(blocks(), ids), parameters.get('inner'), { bias: parameters.get('bias') });
  const { logp, entropy } = linearLogProbs(hidden, blocks(), targets);
  // The logits themselves as well: their gradient joins the other two in the arenas.
  return add(add(mean(logp), mean(entropy)), mean(linear(hidden, blocks())));
}

function backward(model: Model): void {
  scope(() => {
    accumulateGradients([model.parameters], () => ({ loss: lossOf(model) }));
  });
}

async function gradientsOf({ parameters, names }: Model): Promise<Float32Array> {
  const parts = names.flatMap((name) => [...parameters.gradientBlocks(name)!]);
  return Float32Array.from((await readAll(parts)).flatMap((part) => Array.from(part)));
}

async function valuesOf({ parameters, names }: Model): Promise<Float32Array> {
  const parts = await Promise.all(names.map((name) => parameters.read(name)));
  return Float32Array.from(parts.flatMap((part) => Array.from(part)));
}

// Older drivers take their time to compile all that a step needs.
describe('a parameter larger than a binding', { timeout: 300_000 }, () => {
  it('lies in blocks of its rows, one an arena, and is set, read and copied as one', async () => {
    const { parameters } = modelOn(small, [...OTHERS, EMBEDDING]);
    expect(parameters.names).toEqual(['inner', 'embed', 'bias']);
    expect(parameters.blocks('embed').map(({ shape }) => shape)).toEqual(HEIGHTS.map((rows) => [rows, WIDTH]));
    expect(parameters.gradientBlocks('embed')!.map(({ shape }) => shape[0])).toEqual(HEIGHTS);
    expect(new Set(parameters.blocks('embed').map(({ storage }) => storage)).size).toBe(4);
    expect(parameters.arenas.every(({ values: { size } }) => size <= 8192)).toBe(true);
    expect(parameters.count).toBe(VOCABULARY * WIDTH + WIDTH * WIDTH + WIDTH);
    expect(parameters.spec('embed').shape).toEqual([VOCABULARY, WIDTH]);
    for (const refused of [() => parameters.get('embed'), () => parameters.gradient('embed')]) {
      expect(refused).toThrowError(/test\/blocks\/embed: expected a parameter within one storage binding/);
    }
    expect(parameters.blocks('bias')).toEqual([parameters.get('bias')]);
    expect(parameters.stacked(['inner', 'embed'])).toBeUndefined();
    expect(parameters.stacked(['embed'])).toBeUndefined();

    const table = values(1, [VOCABULARY, WIDTH]);
    expect(await parameters.read('embed')).toEqual(table);
    // Over the ends of three blocks.
    const patch = values(6, [300, WIDTH]);
    parameters.setRange('embed', 250 * WIDTH + 1, patch);
    table.set(patch, 250 * WIDTH + 1);
    expect(await parameters.read('embed')).toEqual(table);
    const copy = new Parameters(small, 'test/copy', [...OTHERS, EMBEDDING], { trainable: false });
    copy.copyFrom(parameters);
    expect(await copy.read('embed')).toEqual(table);
    expect(copy.gradientBlocks('embed')).toBeUndefined();
    expect(() => parameters.set('embed', patch)).toThrowError(expect.objectContaining({ code: 'shape' }));
    expect(() => parameters.setRange('embed', table.length - 1, patch)).toThrowError(
      expect.objectContaining({ code: 'shape' }),
    );
    const before = small.memory.liveBuffers;
    parameters.dispose();
    copy.dispose();
    expect(before - small.memory.liveBuffers).toBe(3 * parameters.arenas.length);
  });

  it('is set without another copy on the device', async () => {
    const { parameters } = modelOn(small, [...OTHERS, EMBEDDING]);
    await small.finish();
    const { dispatches, buffersCreated } = small.counters;
    const live = small.memory.liveBytes;
    small.pool.resetPeak();
    parameters.set('embed', values(7, [VOCABULARY, WIDTH]));
    expect(small.counters.dispatches).toBe(dispatches);
    expect(small.counters.buffersCreated).toBe(buffersCreated);
    expect(small.memory.peakLiveBytes).toBe(live);
    parameters.dispose();
  });

  it('has the gradients of the whole, in eager and in compiled steps', async () => {
    const found: Float32Array[] = [];
    for (const device of [large, small]) {
      const model = modelOn(device, [EMBEDDING, ...OTHERS]);
      backward(model);
      found.push(await gradientsOf(model));
      if (device === small) {
        model.parameters.zeroGradients();
        const step = compile(
          device,
          () => accumulateGradients([model.parameters], () => ({ loss: lossOf(model) })).loss,
        );
        await scopeAsync(async () => {
          for (let i = 0; i < 2; i++) {
            model.parameters.zeroGradients();
            step();
            found.push(await gradientsOf(model));
          }
        });
        step.dispose();
      }
      model.parameters.dispose();
    }
    const [whole, ...others] = found;
    expect(whole!.some((value) => Math.abs(value) > 1e-3)).toBe(true);
    for (const other of others) expect(worstError(other, Float64Array.from(whole!))).toBeLessThan(1e-6);
  });

  it.each(['adamw', 'adamw8bit', 'sgd', 'adafactor', 'muon'] as const)(
    'is trained by %s as its blocks would be, each by itself',
    async (name: OptimizerName) => {
      const apart = HEIGHTS.map((rows, i) => ({ name: `embed${i}`, shape: [rows, WIDTH], decay: true }));
      const found: Float32Array[] = [];
      for (const [device, specs] of [
        [small, [EMBEDDING, ...OTHERS]],
        [large, [...apart, ...OTHERS]],
      ] as const) {
        const model = modelOn(device, specs);
        const groups = [{ match: 'embed*', lrScale: 2 }];
        const optimizer = createOptimizer(name, model.parameters, {
          groups,
          maxNorm: 1,
          weightDecay: 0.1,
          ...(name === 'muon' ? { exclude: /nothing/ } : {}),
          ...(name === 'adafactor' ? { minFactoredSide: 16 } : {}),
        });
        for (let i = 0; i < 3; i++) {
          backward(model);
          optimizer.step(0.01);
        }
        found.push(await valuesOf(model));
        const state = await optimizer.state();
        optimizer.restore(state);
        expect(optimizer.stepCount).toBe(3);
        optimizer.dispose();
        model.parameters.dispose();
      }
      const [split, parts] = found as [Float32Array, Float32Array];
      const start = values(1, [VOCABULARY, WIDTH]);
      expect(worstError(start, Float64Array.from(split))).toBeGreaterThan(1e-3);
      expect(worstError(split, Float64Array.from(parts))).toBeLessThan(name === 'adamw8bit' ? 1e-3 : 1e-5);
    },
  );
});

describe('blockHeights', () => {
  it('cuts at multiples of 128 rows, or where a row is long, at what fits', () => {
    expect(blockHeights(small, 256, 128)).toEqual([256]);
    expect(blockHeights(small, 900, 96)).toEqual(HEIGHTS);
    expect(blockHeights(small, 512, 96)).toEqual([256, 256]);
    expect(blockHeights(small, 100, 1000)).toEqual([32, 32, 32, 4]);
    expect(() => blockHeights(small, 2, 40_000)).toThrowError(expect.objectContaining({ code: 'limit' }));
  });

  it('stays within what the pool rounds buffers up to', async () => {
    const device = await openDevice({ limits: { maxStorageBufferBindingSize: 100_000 } });
    // A buffer has 98,304 or 106,496 bytes: the first is the largest that a kernel can bind whole.
    expect(blockHeights(device, 1000, 100)).toEqual([896, 104]);
    expect(blockHeights(device, 98_304, 1)).toEqual([98_304]);
    expect(blockHeights(device, 98_305, 1)).toEqual([98_304, 1]);
    device.close();
  });
});
