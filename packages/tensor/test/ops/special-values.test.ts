import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import type { OpSample, RefArray } from '../../src/op.ts';
import { add, multiply, subtract } from '../../src/ops/binary.ts';
import { linear } from '../../src/ops/linear.ts';
import { matmul } from '../../src/ops/matmul.ts';
import { read } from '../../src/ops/read.ts';
import { max, mean, min, sum } from '../../src/ops/reduce.ts';
import { rmsNorm } from '../../src/ops/rms-norm.ts';
import { logSoftmax, softmax } from '../../src/ops/softmax.ts';
import { abs, exp, log, negate, sigmoid, silu, softplus, sqrt, tanh } from '../../src/ops/unary.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import {
  type AnyOpDef,
  dtypesOf,
  isPointwise,
  opTable,
  runSamples,
  type SampleResult,
  specialSample,
  type ToleranceClass,
  toleranceOf,
  wrongSpecial,
} from '../../src/testing/index.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const INF = Number.POSITIVE_INFINITY;
const of = (values: readonly number[], shape: readonly number[] = [values.length]): Tensor =>
  Tensor.from(device, new Float32Array(values), shape);
const bits = async (x: Tensor): Promise<Uint32Array> => new Uint32Array((await read(x)).buffer);
const isNonFinite = (word: number): boolean => (word & 0x7f800000) === 0x7f800000;

describe('NaN and infinities', () => {
  it('pass through sums and products at every position, by their bits', async () => {
    for (const bad of [Number.NaN, INF, -INF]) {
      for (let at = 0; at < 13; at++) {
        await scopeAsync(async () => {
          const values = Array.from({ length: 13 }, (_, i) => (i === at ? bad : 0.5));
          const x = of(values);
          for (const result of [add(x, x), multiply(x, of([2], [])), negate(x), subtract(of([1], []), x)])
            expect(Array.from(await bits(result), isNonFinite)).toEqual(values.map((_, i) => i === at));
          expect(isNonFinite((await bits(sum(x)))[0]!)).toBe(true);
          const product = matmul(of(values, [1, 13]), of(new Array<number>(13 * 5).fill(1), [13, 5]));
          expect(Array.from(await bits(product)).every(isNonFinite)).toBe(true);
        });
      }
    }
  }, 30_000);

  it('poison their own row of a softmax and of a norm, and no other', async () => {
    await scopeAsync(async () => {
      const x = of([1, Number.NaN, 3, 1, 2, 3], [2, 3]);
      for (const y of [softmax(x), logSoftmax(x), rmsNorm(x, of([1, 1, 1]), 1e-5)]) {
        const words = await bits(y);
        expect(words.subarray(0, 3).some(isNonFinite)).toBe(true);
        expect(words.subarray(3).some(isNonFinite)).toBe(false);
      }
    });
  });

  it('are the maximum and the minimum of rows of infinities', async () => {
    await scopeAsync(async () => {
      const x = of([-INF, -INF, -INF, 1, -INF, INF], [3, 2]);
      expect(Array.from(await read(max(x, { axes: [1] })))).toEqual([-INF, 1, INF]);
      expect(Array.from(await read(min(x, { axes: [1] })))).toEqual([-INF, -INF, -INF]);
      const long = of(new Array<number>(5000).fill(-INF));
      expect(Array.from(await read(max(long)))).toEqual([-INF]);
      expect(Array.from(await read(min(negate(long))))).toEqual([INF]);
    });
  });

  it('of masked logits leave a softmax over the others', async () => {
    await scopeAsync(async () => {
      const y = await read(softmax(of([-INF, 0, 0, -INF], [1, 4])));
      expect(Array.from(y)).toEqual([0, 0.5, 0.5, 0]);
    });
  });

  it('arise nowhere from large finite inputs of functions that have finite values', async () => {
    await scopeAsync(async () => {
      const x = of([-1e30, -1000, -89, -20, 0, 20, 89, 1000, 1e30]);
      for (const y of [sigmoid(x), tanh(x), softplus(x), silu(x), softmax(x), logSoftmax(x), abs(x)])
        expect(Array.from(await bits(y)).some(isNonFinite)).toBe(false);
      expect(Array.from(await read(sigmoid(x))).map((v) => Math.round(v * 1000) / 1000)).toEqual([
        0, 0, 0, 0, 0.5, 1, 1, 1, 1,
      ]);
      expect((await read(softplus(x)))[8]).toBe(Math.fround(1e30));
    });
  });

  it('come out of functions at the edge of their domain', async () => {
    await scopeAsync(async () => {
      expect(isNonFinite((await bits(exp(of([200]))))[0]!)).toBe(true);
      // WGSL leaves ln 0 open: SwiftShader gives the ln of the smallest number.
      expect((await read(log(of([0]))))[0]).toBeLessThan(-87);
      expect(isNonFinite((await bits(sqrt(of([-1]))))[0]!)).toBe(true);
    });
  });
});

describe('nothing', () => {
  it('goes through every kind of op', async () => {
    await scopeAsync(async () => {
      const none = Tensor.empty(device, [0, 4], 'f32', 'test/none');
      expect((await read(add(none, of([1, 2, 3, 4])))).length).toBe(0);
      expect((await read(softmax(none))).length).toBe(0);
      expect((await read(rmsNorm(none, of([1, 1, 1, 1]), 1e-5))).length).toBe(0);
      expect((await read(linear(none, of([1, 2, 3, 4], [1, 4])))).length).toBe(0);
      expect(Array.from(await read(sum(none)))).toEqual([0]);
      expect(Array.from(await read(sum(none, { axes: [0] })))).toEqual([0, 0, 0, 0]);
      expect((await read(sum(none, { axes: [1] }))).length).toBe(0);
      expect(await read(mean(none))).toEqual(new Float32Array([Number.NaN]));
      expect(() => max(none)).toThrowError(expect.objectContaining({ code: 'shape' }));
      expect((await read(max(none, { axes: [1] }))).length).toBe(0);
      expect(device.state).toBe('ready');
    });
  });
});

const FLOATS = ['f32', 'f16', 'bf16'] as const;

describe('special values of every pointwise op', () => {
  const pointwise = opTable.flatMap((def): [string, AnyOpDef, OpSample<unknown>][] => {
    const sample = def.samples()[0]!;
    return isPointwise(def, sample) ? [[def.name, def, sample]] : [];
  });

  it('are those of most ops', () => expect(pointwise.length).toBeGreaterThan(20));

  it.each(pointwise)('%s', async (_name, def, sample) => {
    const samples = FLOATS.filter((dtype) => dtypesOf(def).includes(dtype)).map((dtype) =>
      specialSample(sample, dtype),
    );
    const results = await runSamples(
      device,
      samples.map((one) => ({ def, sample: one })),
    );
    const wrong = results.map((result, i) => {
      if ('error' in result) throw result.error;
      const { values, dtype } = result.outputs[0]!;
      const bound = Math.max(1e-6, 4 * toleranceOf(def.tolerance, dtype));
      return wrongSpecial(def, samples[i]!, values, dtype, bound);
    });
    expect(wrong.filter((text) => text !== undefined)).toEqual([]);
  });
});

/**
 * An infinite query or key makes infinite scores; where a running maximum starts at -Infinity, the weights of that
 * row are NaN, while the reference, which knows the maximum beforehand, may still give a number.
 */
const NAN_ONLY: readonly string[] = ['attention', 'packedAttention'];

describe('one NaN or infinity among the inputs', () => {
  const others = opTable.filter((def) => !isPointwise(def, def.samples()[0]!));

  it.each(others.map((def) => [def.name, def] as const))(
    'of %s reaches what depends on it and nothing else',
    async (_name, def) => {
      const cases = def
        .samples()
        .slice(0, 4)
        .flatMap((sample: OpSample<unknown>) =>
          sample.inputs.flatMap((input, at) =>
            (input.dtype ?? 'f32') === 'f32' && input.data.length > 0
              ? (NAN_ONLY.includes(def.name) ? [Number.NaN] : [Number.NaN, INF]).map((bad) => ({
                  def,
                  sample: spoiled(sample, at, bad),
                }))
              : [],
          ),
        );
      const results = await runSamples(device, cases);
      const wrong = results.flatMap((result, c) => {
        if ('error' in result) throw result.error;
        const { sample } = cases[c]!;
        const complaint = wrongSpread(result.outputs, def.reference(sample.inputs, sample.attrs), def.tolerance);
        return complaint === undefined ? [] : [`${sample.name}: ${complaint}`];
      });
      expect(wrong).toEqual([]);
    },
  );
});

type Outputs = Extract<SampleResult, { outputs: unknown }>['outputs'];

/** Where a number came out that the reference does not have, or the other way round. */
function wrongSpread(
  outputs: Outputs,
  expected: readonly RefArray[],
  tolerance: ToleranceClass | undefined,
): string | undefined {
  // SwiftShader's exp makes a number of NaN. An op around it may lose the NaN at one place, but not everywhere.
  const losesNaN = /swiftshader/i.test(`${device.adapter.architecture} ${device.adapter.description}`);
  const shows = outputs.some(({ values }) => values.some((value) => !Number.isFinite(value)));
  for (const [output, { data }] of expected.entries()) {
    const { values, dtype } = outputs[output]!;
    const scale = data.reduce((most, value) => (Number.isFinite(value) ? Math.max(most, Math.abs(value)) : most), 1);
    const bound = toleranceOf(tolerance, dtype) * scale;
    const at = data.findIndex((wanted, i) =>
      Number.isFinite(wanted)
        ? !(Math.abs(values[i]! - wanted) <= bound)
        : Number.isFinite(values[i]!) && !(losesNaN && shows),
    );
    if (at >= 0) return `output ${output} at ${at} is ${values[at]}, not ${data[at]}`;
  }
  return undefined;
}

/** The sample with one value of one input replaced. */
function spoiled(sample: OpSample<unknown>, input: number, bad: number): OpSample<unknown> {
  const inputs = sample.inputs.map((array, i) => {
    if (i !== input) return array;
    const data = Float64Array.from(array.data);
    data[Math.floor(data.length / 2)] = bad;
    return { ...array, data };
  });
  return { ...sample, name: `${sample.name} with ${bad} in input ${input}`, inputs };
}
