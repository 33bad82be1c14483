import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { dropout } from '../../src/ops/dropout.ts';
import { bernoulli, gumbel, normal, permutation, randint, uniform } from '../../src/ops/random.ts';
import { read, readAll } from '../../src/ops/read.ts';
import { flip } from '../../src/ops/slice.ts';
import { transpose } from '../../src/ops/view.ts';
import { Rng } from '../../src/rng.ts';
import { Scalar } from '../../src/scalar.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { roundToDType } from '../../src/testing/round-to-dtype.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const AT = { seed: 42, stream: 7, step: 3 };
const COUNT = 40_001;
const rng = new Rng(AT.seed, AT.stream);
const drawn = (value: (step: number, index: number) => number): Float64Array =>
  Float64Array.from({ length: COUNT }, (_, i) => value(AT.step, i));

/** Largest difference relative to the larger of 1 and the value itself. */
function worstOf(actual: ArrayLike<number>, expected: Float64Array): number {
  return expected.reduce(
    (worst, value, i) => Math.max(worst, Math.abs(actual[i]! - value) / Math.max(1, Math.abs(value))),
    0,
  );
}

describe('random tensors', () => {
  it('have the values of the stream in TypeScript: bit for bit, and to 1e-6 where logarithms are taken', async () => {
    await scopeAsync(async () => {
      const [u, z, g, b, n] = await readAll([
        uniform(device, [COUNT], AT),
        normal(device, [COUNT], AT),
        gumbel(device, [COUNT], AT),
        bernoulli(device, [COUNT], 0.3, { ...AT, dtype: 'u32' }),
        randint(device, [COUNT], -5, 1_000_002, AT),
      ]);
      expect(Array.from(u!)).toEqual(Array.from(drawn((step, i) => rng.uniform(step, i))));
      expect(
        worstOf(
          z!,
          drawn((step, i) => rng.normal(step, i)),
        ),
      ).toBeLessThan(1e-6);
      expect(
        worstOf(
          g!,
          drawn((step, i) => rng.gumbel(step, i)),
        ),
      ).toBeLessThan(1e-6);
      expect(Array.from(b!)).toEqual(Array.from(drawn((step, i) => (rng.uniform(step, i) < 0.3 ? 1 : 0))));
      expect(Array.from(n!)).toEqual(Array.from(drawn((step, i) => rng.integer(step, i, 1_000_007) - 5)));
    });
  });

  it('are rounded to 16-bit types, and scaled', async () => {
    await scopeAsync(async () => {
      for (const dtype of ['f16', 'bf16'] as const) {
        const values = await read(uniform(device, [3, 7], { ...AT, dtype }));
        const expected = drawn((step, i) => roundToDType(rng.uniform(step, i), dtype)).slice(0, 21);
        expect(Array.from(values)).toEqual(Array.from(expected));
      }
      const [wide, shifted] = await readAll([
        uniform(device, [COUNT], { ...AT, low: -3, high: 5 }),
        normal(device, [COUNT], { ...AT, mean: 10, deviation: 0.5 }),
      ]);
      expect(
        worstOf(
          wide!,
          drawn((step, i) => -3 + 8 * rng.uniform(step, i)),
        ),
      ).toBeLessThan(1e-6);
      expect(
        worstOf(
          shifted!,
          drawn((step, i) => 10 + 0.5 * rng.normal(step, i)),
        ),
      ).toBeLessThan(1e-6);
    });
  });

  it('change with every part of their address, which a Scalar may hold', async () => {
    await scopeAsync(async () => {
      const step = new Scalar(3);
      const seed = new Scalar(42);
      const first = uniform(device, [8], { seed, stream: 7, step });
      step.value = 4;
      const later = uniform(device, [8], { seed, stream: 7, step });
      const others = [uniform(device, [8], { ...AT, seed: 1 }), uniform(device, [8], { ...AT, stream: 1 })];
      const [a, b, c, d] = await readAll([first, later, ...others]);
      expect(a![0]).toBe(rng.uniform(3, 0));
      expect(b![0]).toBe(rng.uniform(4, 0));
      expect(new Set([a, b, c, d].map((values) => values![0])).size).toBe(4);
    });
  });

  it('are permutations in the order of the words of the stream', async () => {
    await scopeAsync(async () => {
      for (const count of [0, 1, 5, 1024, 1025, 5000]) {
        const order = Array.from({ length: count }, (_, i) => i).sort(
          (a, b) => rng.word(AT.step, a) - rng.word(AT.step, b) || a - b,
        );
        expect(Array.from(await read(permutation(device, count, AT)))).toEqual(order);
      }
    });
  });

  it('refuse bounds, probabilities and types that make no sense', () => {
    for (const bad of [
      () => uniform(device, [2], { ...AT, low: 1, high: 0 }),
      () => uniform(device, [2], { ...AT, dtype: 'i32' }),
      () => bernoulli(device, [2], 1.5, AT),
      () => randint(device, [2], 3, 3, AT),
      () => randint(device, [2], 0, 2 ** 25, AT),
      () => randint(device, [2], 0, 3, { ...AT, dtype: 'f32' }),
      () => permutation(device, -1, AT),
    ])
      expect(bad).toThrowError(expect.objectContaining({ code: 'shape' }));
  });

  it('can be larger than one dimension of workgroups', async () => {
    await scopeAsync(async () => {
      // One workgroup writes 256 elements: this takes 65,536 of them.
      const count = 65_536 * 256;
      const x = uniform(device, [count], AT);
      const last = await read(flip(x).view([2], [-1], count - 1));
      expect(Array.from(last)).toEqual([rng.uniform(3, count - 1), rng.uniform(3, count - 2)]);
    });
  });
});

describe('dropout', () => {
  it('drops the share that was asked for and keeps the mean, the same elements for every layout', async () => {
    await scopeAsync(async () => {
      const x = Tensor.from(device, new Float32Array(COUNT).fill(1), [1, COUNT]);
      const y = (await read(dropout(x, 0.25, AT))) as Float32Array;
      const dropped = y.filter((value) => value === 0).length;
      // Four deviations of a binomial.
      expect(Math.abs(dropped - COUNT / 4)).toBeLessThan(4 * Math.sqrt(COUNT * 0.25 * 0.75));
      for (const value of y) expect(value === 0 || Math.abs(value - 4 / 3) < 1e-6).toBe(true);
      const turned = Tensor.from(device, new Float32Array(COUNT).fill(1), [COUNT, 1]);
      expect(await read(dropout(transpose(turned), 0.25, AT))).toEqual(y);
    });
  });

  it('gives x itself for p = 0, and zeros for p = 1 whatever x is', async () => {
    await scopeAsync(async () => {
      const x = Tensor.from(device, [1, Number.NaN, Number.POSITIVE_INFINITY], [3]);
      expect(dropout(x, 0, AT)).toBe(x);
      expect(Array.from(await read(dropout(x, 1, AT)))).toEqual([0, 0, 0]);
    });
  });
});
