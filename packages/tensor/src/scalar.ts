/**
 * A number that changes from step to step: a learning rate, a step counter, a seed. Kernels take it as a
 * parameter like any number, and its value is read when the work is packed for the device: at once in eager
 * work, and anew at every replay of a compiled step. A plain number would be frozen into the plan.
 */
export class Scalar {
  #value: number;
  readonly #derive: (() => number) | undefined;

  constructor(value: number, derive?: () => number) {
    this.#value = value;
    this.#derive = derive;
  }

  get value(): number {
    return this.#derive === undefined ? this.#value : this.#derive();
  }

  /** Throws a TypeError for a derived scalar: it follows its sources. */
  set value(value: number) {
    if (this.#derive !== undefined) throw new TypeError('a derived Scalar follows its sources and cannot be set');
    this.#value = value;
  }

  /** A scalar that follows this one; `derive` is called whenever its value is read. */
  map(derive: (value: number) => number): Scalar {
    return new Scalar(Number.NaN, () => derive(this.value));
  }
}

/** What kernel parameters are: fixed numbers, or cells that are read when the work is packed. */
export type ScalarLike = number | Scalar;

/** The value at this moment. */
export function scalarValue(scalar: ScalarLike): number {
  return typeof scalar === 'number' ? scalar : scalar.value;
}
