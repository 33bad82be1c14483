import { Rng } from '@dawngrad/tensor';

/**
 * The random draws of one step of one stream, one after another. All draws are a pure function of
 * (seed, stream, step) and of how many went before: build a new `Draws` for each item (a document,
 * a corrupted trace, a critic update) and there is nothing to save or restore.
 */
export class Draws {
  private readonly rng: Rng;
  private readonly step: number;
  private index = 0;

  constructor(seed: number, stream: number, step: number) {
    this.rng = new Rng(seed, stream);
    this.step = step;
  }

  /** A number in [0, 1). */
  uniform(): number {
    return this.rng.uniform(this.step, this.index++);
  }

  /** An integer in [0, bound). */
  integer(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** One of the items, all equally likely. The list is not empty. */
  pick<T>(items: readonly T[]): T {
    return items[this.integer(items.length)] as T;
  }

  /** Up to `count` different items, in random order. */
  some<T>(items: readonly T[], count: number): T[] {
    return this.distinct(items.length, count).map((i) => items[i] as T);
  }

  /** An index drawn with the given weights, which sum to 1. */
  weighted(weights: readonly number[]): number {
    let rest = this.uniform();
    for (let i = 0; i < weights.length - 1; i++) {
      rest -= weights[i] as number;
      if (rest < 0) return i;
    }
    return weights.length - 1;
  }

  /** `count` different integers in [0, bound), in random order (partial Fisher-Yates). */
  distinct(bound: number, count: number): number[] {
    const moved = new Map<number, number>();
    const chosen: number[] = [];
    for (let i = 0; i < Math.min(count, bound); i++) {
      const j = i + this.integer(bound - i);
      chosen.push(moved.get(j) ?? j);
      moved.set(j, moved.get(i) ?? i);
    }
    return chosen;
  }
}
