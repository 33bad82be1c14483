import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { type MultinomialOptions, multinomial } from '../../src/ops/multinomial.ts';
import { read } from '../../src/ops/read.ts';
import { normalArray } from '../../src/ops/reference.ts';
import { philox4x32 } from '../../src/rng.ts';
import { Scalar } from '../../src/scalar.ts';
import { scopeAsync } from '../../src/scope.ts';
import { Tensor } from '../../src/tensor.ts';
import { toTensor } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

const SEED = { seed: 11, stream: 5, step: 3 };
const draws = (weights: readonly number[], count: number, options: Partial<MultinomialOptions> = {}) =>
  scopeAsync(async () =>
    Array.from(await read(multinomial(Tensor.from(device, weights, [weights.length]), count, { ...SEED, ...options }))),
  );

/** Pearson's statistic of counts against probabilities; impossible outcomes must not occur. */
function chiSquare(counts: readonly number[], probabilities: readonly number[]): number {
  const total = counts.reduce((a, b) => a + b, 0);
  return counts.reduce((sum, count, i) => {
    const expected = probabilities[i]! * total;
    if (expected === 0) return count === 0 ? sum : Number.POSITIVE_INFINITY;
    return sum + (count - expected) ** 2 / expected;
  }, 0);
}

function tally(outcomes: readonly number[], size: number): number[] {
  const counts = new Array<number>(size).fill(0);
  for (const outcome of outcomes) counts[outcome]!++;
  return counts;
}

/** Above this a statistic of 7 degrees of freedom comes once in a thousand seeds. */
const SEVEN = 24.3;
const WEIGHTS = [1, 2, 3, 4, 0, 5, 0.5, 2.5, 2];

describe('multinomial', () => {
  it('draws each position as often as its weight says, from weights and from logits', async () => {
    const total = WEIGHTS.reduce((a, b) => a + b, 0);
    const probabilities = WEIGHTS.map((w) => w / total);
    const found = await draws(WEIGHTS, 20_000);
    expect(chiSquare(tally(found, WEIGHTS.length), probabilities)).toBeLessThan(SEVEN);
    const logits = WEIGHTS.map((w) => Math.fround(Math.log(w) + 3));
    const ofLogits = await draws(logits, 20_000, { of: 'logits' });
    expect(chiSquare(tally(ofLogits, WEIGHTS.length), probabilities)).toBeLessThan(SEVEN);
    // The same random words: the draws differ only where rounding decides.
    expect(ofLogits.filter((v, i) => v !== found[i]).length).toBeLessThan(20);
  });

  it('draws without replacement as one after another without what is gone', async () => {
    // P(first = a, second = b) = p_a p_b / (1 - p_a).
    const weights = [1, 2, 3, 4];
    const rows = 20_000;
    const pairs = await scopeAsync(async () => {
      const all = Tensor.from(device, Array.from({ length: rows }, () => weights).flat(), [rows, 4]);
      return Array.from(await read(multinomial(all, 2, { ...SEED, replacement: false })));
    });
    const outcomes = Array.from({ length: rows }, (_, row) => pairs[2 * row]! * 4 + pairs[2 * row + 1]!);
    const probabilities = Array.from({ length: 16 }, (_, i) => {
      const [a, b] = [weights[Math.floor(i / 4)]! / 10, weights[i % 4]! / 10];
      return Math.floor(i / 4) === i % 4 ? 0 : (a * b) / (1 - a);
    });
    // 11 degrees of freedom, once in a thousand.
    expect(chiSquare(tally(outcomes, 16), probabilities)).toBeLessThan(31.3);
  });

  it('is the Gumbel-max of the host for its seed, stream, step, row and draw', async () => {
    await scopeAsync(async () => {
      const logits = normalArray(1, [5, 300], 2);
      const step = new Scalar(3);
      const found = await read(
        multinomial(toTensor(device, logits), 7, { seed: new Scalar(11), stream: 5, step, of: 'logits' }),
      );
      let clear = 0;
      for (let row = 0; row < 5; row++) {
        for (let draw = 0; draw < 7; draw++) {
          const scores = Array.from({ length: 300 }, (_, v) => {
            const u = ((philox4x32([v, 3, row, draw], [11, 5])[0] >>> 9) + 0.5) / 2 ** 23;
            return logits.data[row * 300 + v]! - Math.log(-Math.log(u));
          });
          const [first, second] = Array.from(scores.keys()).sort((a, b) => scores[b]! - scores[a]!);
          if (scores[first!]! - scores[second!]! < 1e-4) continue;
          clear++;
          expect(found[row * 7 + draw]).toBe(first);
        }
      }
      expect(clear).toBeGreaterThan(32);
    });
  });

  it('gives every position once where all are drawn, those without weight last', async () => {
    const found = await draws([3, 0, 1, 2, 0], 5, { replacement: false });
    expect([...found].sort()).toEqual([0, 1, 2, 3, 4]);
    expect(found.slice(3)).toEqual([1, 4]);
  });

  it('never draws what has no weight, and marks rows that have none', async () => {
    expect(new Set(await draws([0, -1, Number.NaN, 2, 0], 500))).toEqual(new Set([3]));
    expect(await draws([0, Number.NaN], 2)).toEqual([0xffffffff, 0xffffffff]);
    const logits = [Number.NEGATIVE_INFINITY, -80, Number.NaN];
    expect(new Set(await draws(logits, 100, { of: 'logits' }))).toEqual(new Set([1]));
  });

  it('refuses more draws without replacement than there are, and rows of nothing', async () => {
    const refused = expect.objectContaining({ code: 'shape' });
    await expect(draws([1, 2], 3, { replacement: false })).rejects.toThrowError(refused);
    await expect(draws([], 1)).rejects.toThrowError(refused);
    expect(await draws([1, 2], 0)).toEqual([]);
  });
});
