/** Steps that a value is compared with, and how many there must be. */
const WINDOW = 128;
const LEAST = 32;
/** Standard deviations above the mean from which on a value is a spike. */
const SPIKE_Z = 6;
/** Values that hardly differ have next to no deviation: without a floor any change at all would be a spike. */
const LEAST_RELATIVE_STD = 0.01;

/** The last values of a number of each step, in float64; only steps that were taken enter. */
export class SpikeWindow {
  #values: readonly number[];

  constructor(values: readonly number[] = []) {
    this.#values = values;
  }

  get values(): readonly number[] {
    return this.#values;
  }

  /** A value above this is a spike; undefined while there are fewer than 32 to compare with. */
  get limit(): number | undefined {
    const about = this.#moments();
    return about && about.mean + SPIKE_Z * about.std;
  }

  /** Standard deviations that `value` lies above the mean; undefined while there are fewer than 32. */
  z(value: number): number | undefined {
    const about = this.#moments();
    return about && (value - about.mean) / about.std;
  }

  push(value: number): void {
    this.#values = [...this.#values, value].slice(-WINDOW);
  }

  #moments(): { readonly mean: number; readonly std: number } | undefined {
    const count = this.#values.length;
    if (count < LEAST) return undefined;
    const mean = this.#values.reduce((sum, value) => sum + value, 0) / count;
    const variance = this.#values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (count - 1);
    return { mean, std: Math.max(Math.sqrt(variance), LEAST_RELATIVE_STD * Math.abs(mean), Number.MIN_VALUE) };
  }
}
