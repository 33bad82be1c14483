import type { DType } from '../dtype.ts';
import type { RefArray } from '../op.ts';
import { refArray } from '../ops/reference.ts';
import { Rng } from '../rng.ts';
import { type Shape, sizeOf } from '../shape.ts';

const DRAW_STREAM = 0xf2;
/** Sizes that meet the edges of vectors, workgroups and tiles. */
const SIZES = [1, 1, 2, 3, 4, 5, 7, 8, 9, 16, 17, 31, 33, 64, 65, 129];

/** The random choices of one fuzzed case: a pure function of its seed, so that a failing case can be run alone. */
export class Draw {
  readonly #rng: Rng;
  #step = 0;

  constructor(seed: number) {
    this.#rng = new Rng(seed, DRAW_STREAM);
  }

  /** An integer in [0, bound). */
  below(bound: number): number {
    return this.#rng.integer(this.#step++, 0, bound);
  }

  /** An integer in [low, high]. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1);
  }

  /** True once in `n` times. */
  oneIn(n: number): boolean {
    return this.below(n) === 0;
  }

  /** One of the items, all as likely. */
  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)]!;
  }

  /** A size of a dimension, 0 once in forty times unless `nonEmpty`. */
  size(most = 129, nonEmpty = false): number {
    if (!nonEmpty && this.oneIn(40)) return 0;
    return this.of(SIZES.filter((size) => size <= Math.max(1, most)));
  }

  /** A shape of at most `most` elements. */
  shape(rank: number, most = 2000, nonEmpty = false): number[] {
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) {
      shape.push(this.size(Math.floor(most / Math.max(1, sizeOf(shape))), nonEmpty));
    }
    return shape;
  }

  /** An operand shape that broadcasts to `shape`: leading dimensions dropped, others stretched from 1. */
  broadcastTo(shape: Shape): number[] {
    const dropped = this.oneIn(3) ? this.below(shape.length + 1) : 0;
    return shape.slice(dropped).map((dim) => (this.oneIn(4) ? 1 : dim));
  }

  /** The axes 0 ... rank - 1 in a random order. */
  axes(rank: number): number[] {
    const axes = Array.from({ length: rank }, (_, axis) => axis);
    for (let i = rank - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [axes[i], axes[j]] = [axes[j]!, axes[i]!];
    }
    return axes;
  }

  /** Some of the axes, ascending, perhaps none. */
  someAxes(rank: number): number[] {
    return Array.from({ length: rank }, (_, axis) => axis).filter(() => this.oneIn(2));
  }

  /** Normal values rounded to f32, `map` applied before the rounding. */
  normals(shape: Shape, map: (value: number) => number = (value) => value): RefArray {
    const step = this.#step++;
    return refArray(
      shape,
      Array.from({ length: sizeOf(shape) }, (_, i) => Math.fround(map(this.#rng.normal(step, i)))),
    );
  }

  /** Integers in [low, high]. */
  integers(shape: Shape, low: number, high: number, dtype: DType = 'u32'): RefArray {
    const step = this.#step++;
    return refArray(
      shape,
      Array.from({ length: sizeOf(shape) }, (_, i) => low + this.#rng.integer(step, i, high - low + 1)),
      dtype,
    );
  }

  /**
   * Values between those that an array has, of the same sign: they lie in whatever domain the array was
   * made for. Integers stay among the array's own.
   */
  valuesLike(array: RefArray, shape: Shape): RefArray {
    const size = sizeOf(shape);
    if (array.data.length === 0) return refArray(shape, new Float64Array(size), array.dtype);
    const isWhole = (array.dtype ?? 'f32') !== 'f32' || array.data.every(Number.isInteger);
    const data = Array.from({ length: size }, () => {
      const a = this.of(array.data as unknown as readonly number[]);
      const b = this.of(array.data as unknown as readonly number[]);
      if (isWhole || Math.sign(a) !== Math.sign(b) || this.oneIn(4)) return a;
      return Math.fround(a + (b - a) * (this.below(1025) / 1024));
    });
    return refArray(shape, data, array.dtype);
  }
}
