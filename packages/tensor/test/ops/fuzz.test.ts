import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Device } from '../../src/gpu/device.ts';
import { openDevice } from '../../src/node.ts';
import { applyOp, type RefArray } from '../../src/op.ts';
import { binaryOps } from '../../src/ops/binary.ts';
import { matmulOp } from '../../src/ops/matmul.ts';
import { readAll } from '../../src/ops/read.ts';
import { reduceOps } from '../../src/ops/reduce.ts';
import { refArray } from '../../src/ops/reference.ts';
import { expand, permute, slice } from '../../src/ops/view.ts';
import { Rng } from '../../src/rng.ts';
import { scopeAsync } from '../../src/scope.ts';
import { contiguousStrides, type Shape, sizeOf } from '../../src/shape.ts';
import type { Tensor } from '../../src/tensor.ts';
import { toTensor, worstError } from '../../src/testing/compare.ts';

let device: Device;
beforeAll(async () => {
  device = await openDevice();
});
afterAll(() => device.close());

/** Sizes that meet the edges of vectors, workgroups and tiles. */
const SIZES = [1, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 33];
const FUZZ_STREAM = 0xf2;

/** Random choices of one case: a pure function of its seed, so that a failing case can be run alone. */
class Choices {
  readonly #rng: Rng;
  #step = 0;

  constructor(seed: number) {
    this.#rng = new Rng(seed, FUZZ_STREAM);
  }

  below(bound: number): number {
    return this.#rng.integer(this.#step++, 0, bound);
  }

  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  shape(rank: number, most = 2000): number[] {
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) {
      const fits = SIZES.filter((size) => size * sizeOf(shape) <= most);
      shape.push(this.below(40) === 0 ? 0 : this.of(fits.length > 0 ? fits : [1]));
    }
    return shape;
  }

  values(shape: Shape): RefArray {
    const step = this.#step++;
    return refArray(
      shape,
      Array.from({ length: sizeOf(shape) }, (_, i) => Math.fround(this.#rng.normal(step, i))),
    );
  }

  /** A device view that holds `array`, in a random one of the layouts that ops must accept. */
  view(array: RefArray): Tensor {
    const { shape } = array;
    const rank = shape.length;
    const kind = rank === 0 ? 0 : this.below(3);
    if (kind === 1) {
      // Stored with its axes in another order.
      const axes = shape.map((_, axis) => axis);
      for (let i = rank - 1; i > 0; i--) {
        const j = this.below(i + 1);
        [axes[i], axes[j]] = [axes[j]!, axes[i]!];
      }
      const stored = axes.map((axis) => shape[axis]!);
      return permute(
        toTensor(device, refArray(stored, gather(array, stored, axes))),
        axes.map((_, axis) => axes.indexOf(axis)),
      );
    }
    if (kind === 2) {
      // A slice of something larger.
      const axis = this.below(rank);
      const before = this.below(4);
      const stored = shape.map((dim, i) => (i === axis ? dim + before + this.below(3) : dim));
      const strides = contiguousStrides(stored);
      const data = new Float64Array(sizeOf(stored)).fill(Number.NaN);
      const own = contiguousStrides(shape);
      array.data.forEach((value, i) => {
        let at = before * strides[axis]!;
        shape.forEach((dim, d) => {
          at += (Math.floor(i / own[d]!) % dim) * strides[d]!;
        });
        data[at] = value;
      });
      return slice(toTensor(device, refArray(stored, data)), axis, before, before + shape[axis]!);
    }
    return toTensor(device, array);
  }
}

/** The elements of `array` in the order of its axes `axes`. */
function gather(array: RefArray, stored: Shape, axes: readonly number[]): Float64Array {
  const own = contiguousStrides(array.shape);
  const strides = contiguousStrides(stored);
  return Float64Array.from(
    { length: sizeOf(stored) },
    (_, i) =>
      array.data[axes.reduce((at, axis, d) => at + (Math.floor(i / strides[d]!) % stored[d]!) * own[axis]!, 0)]!,
  );
}

/** Runs all cases, then compares: one submit for many. */
async function check(
  cases: number,
  make: (choices: Choices) => { tensor: Tensor; expected: RefArray; what: string },
): Promise<void> {
  for (let first = 0; first < cases; first += 100) {
    await scopeAsync(async () => {
      const made = Array.from({ length: Math.min(100, cases - first) }, (_, i) => make(new Choices(first + i)));
      const values = await readAll(made.map(({ tensor }) => tensor));
      made.forEach(({ tensor, expected, what }, i) => {
        expect(tensor.shape, `seed ${first + i}: ${what}`).toEqual(expected.shape);
        expect(worstError(values[i]!, expected.data), `seed ${first + i}: ${what}`).toBeLessThan(1e-5);
      });
    });
  }
}

describe('random shapes and views', () => {
  it('of elementwise ops agree with float64', async () => {
    await check(400, (choices) => {
      const out = choices.shape(choices.below(7), 1000);
      const operand = (): number[] =>
        out
          .slice(choices.below(3) === 0 ? choices.below(out.length + 1) : 0)
          .map((dim) => (choices.below(4) === 0 ? 1 : dim));
      const [a, b] = [choices.values(operand()), choices.values(operand())];
      const name = choices.of(['add', 'subtract', 'multiply', 'maximum', 'minimum', 'greaterEqual'] as const);
      return {
        tensor: applyOp(binaryOps[name], [choices.view(a), choices.view(b)], undefined)[0]!,
        expected: binaryOps[name].reference([a, b], undefined)[0]!,
        what: `${name} [${a.shape}] [${b.shape}]`,
      };
    });
  });

  it('of reductions agree with float64', async () => {
    await check(300, (choices) => {
      const x = choices.values(choices.shape(choices.below(6)));
      const axes = x.shape.map((_, axis) => axis).filter(() => choices.below(2) === 0);
      const name = x.data.length === 0 ? 'sum' : choices.of(['sum', 'max', 'min'] as const);
      const attrs = { axes, keepDims: choices.below(2) === 0 };
      return {
        tensor: applyOp(reduceOps[name], [choices.view(x)], attrs)[0]!,
        expected: reduceOps[name].reference([x], attrs)[0]!,
        what: `${name} [${x.shape}] over ${axes}`,
      };
    });
  });

  it('of matmuls agree with float64, batches broadcast and stretched operands included', async () => {
    await check(50, (choices) => {
      const [m, n, k] = choices.shape(3, 9000) as [number, number, number];
      const batch = choices.shape(choices.below(3), 6);
      const lead = (): number[] =>
        batch
          .slice(choices.below(2) * choices.below(batch.length + 1))
          .map((dim) => (choices.below(3) === 0 ? 1 : dim));
      const attrs = { transA: choices.below(2) === 0, transB: choices.below(2) === 0 };
      const a = choices.values([...lead(), ...(attrs.transA ? [k, m] : [m, k])]);
      const b = choices.values([...lead(), ...(attrs.transB ? [n, k] : [k, n])]);
      return {
        tensor: applyOp(matmulOp, [choices.view(a), choices.view(b)], attrs)[0]!,
        expected: matmulOp.reference([a, b], attrs)[0]!,
        what: `[${a.shape}] [${b.shape}] ${JSON.stringify(attrs)}`,
      };
    });
  });

  it('with stretched operands give what their copies give', async () => {
    await scopeAsync(async () => {
      const row = new Choices(1).values([1, 6]);
      const stretched = expand(toTensor(device, row), [4, 6]);
      const copy = refArray([4, 6], [...row.data, ...row.data, ...row.data, ...row.data]);
      const b = new Choices(2).values([6, 3]);
      const attrs = { transA: false, transB: false };
      const [product, total] = await readAll([
        applyOp(matmulOp, [stretched, toTensor(device, b)], attrs)[0]!,
        applyOp(reduceOps.sum, [stretched], { axes: [0], keepDims: false })[0]!,
      ]);
      expect(worstError(product!, matmulOp.reference([copy, b], attrs)[0]!.data)).toBeLessThan(1e-5);
      expect(
        worstError(
          total!,
          row.data.map((value) => value * 4),
        ),
      ).toBeLessThan(1e-5);
    });
  });
});
