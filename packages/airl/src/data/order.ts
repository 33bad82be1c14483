import { Draws } from './draws.ts';

/** A random order of 0..n-1, a pure function of its arguments (Fisher-Yates on Philox draws). */
export function permutation(seed: number, stream: number, epoch: number, n: number): Uint32Array {
  return Uint32Array.from(new Draws(seed, stream, epoch).distinct(n, n));
}

/**
 * The order in which n items are visited, epoch after epoch, each epoch in its own random order.
 * `at(cursor)` is a pure function of the cursor (items visited so far), so that a resumed run needs
 * only that number; the last epoch's order is kept to spare work.
 */
export class DataOrder {
  private readonly seed: number;
  private readonly stream: number;
  private readonly n: number;
  private epoch = -1;
  private order: Uint32Array = new Uint32Array(0);

  constructor(seed: number, stream: number, n: number) {
    this.seed = seed;
    this.stream = stream;
    this.n = n;
  }

  at(cursor: number): number {
    const epoch = Math.floor(cursor / this.n);
    if (epoch !== this.epoch) {
      this.order = permutation(this.seed, this.stream, epoch, this.n);
      this.epoch = epoch;
    }
    return this.order[cursor - epoch * this.n] as number;
  }
}
