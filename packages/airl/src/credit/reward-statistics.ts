/** The numbers of `RewardStatistics`, as a checkpoint holds them. */
export interface RewardSums {
  readonly count: number;
  readonly mean: number;
  /** Sum of the squared differences from the mean. */
  readonly squares: number;
}

/**
 * Mean and deviation of all rewards so far, without the cancellation of sums of squares (Chan, Golub and LeVeque, "Updating
 * formulae and a pairwise algorithm for computing sample variances", 1979, eqs. 2.1a and 2.1b).
 */
export class RewardStatistics {
  #sums: RewardSums = { count: 0, mean: 0, squares: 0 };

  get mean(): number {
    return this.#sums.mean;
  }

  /** Of the population; 0 before the first value. */
  get deviation(): number {
    const { count, squares } = this.#sums;
    return count === 0 ? 0 : Math.sqrt(squares / count);
  }

  /** Takes in more values. */
  add(values: readonly number[]): void {
    if (values.length === 0) return;
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    const before = this.#sums;
    const count = before.count + values.length;
    const shift = mean - before.mean;
    this.#sums = {
      count,
      mean: before.mean + (shift * values.length) / count,
      squares: before.squares + squares + (shift * shift * before.count * values.length) / count,
    };
  }

  state(): RewardSums {
    return this.#sums;
  }

  restore(sums: RewardSums): void {
    this.#sums = sums;
  }
}
