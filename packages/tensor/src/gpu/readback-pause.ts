import type { AdapterClass } from './adapter.ts';

// Both exist in Node and in browsers, but in no library of types that both share.
declare function setTimeout(callback: () => void, ms: number): unknown;
declare const performance: { now(): number };

/**
 * Sleeps through most of the time that work of a size took before, the shorter of the last two times: the first
 * includes what the driver compiles. While a promise of Dawn is pending, its
 * Node binding polls without pause, which on a software adapter takes a core from the work itself.
 */
export class ReadbackPause {
  readonly #isUseful: boolean;
  /** The last two times from submit to result by the number of launches, in ms. */
  readonly #waits = new Map<number, readonly [last: number, before: number]>();

  constructor(adapterClass: AdapterClass) {
    this.#isUseful = adapterClass === 'cpu';
  }

  /** Waits for work of `launches` launches that was submitted just now: sleeps first, then calls `wait`. */
  async around(launches: number, wait: () => Promise<unknown>): Promise<void> {
    const started = performance.now();
    const [last, before] = this.#waits.get(launches) ?? [0, 0];
    const pause = 0.9 * Math.min(last, before) - 1;
    const rested = this.#isUseful && pause >= 2 ? pause : 0;
    if (rested > 0) await new Promise<void>((wake) => setTimeout(wake, rested));
    const woken = performance.now();
    await wait();
    // Who finds the work done at waking has overslept by an unknown time, and must not take that for the work's own.
    const hasOverslept = performance.now() - woken < 1 + 0.05 * rested;
    const took = performance.now() - started;
    this.#waits.set(launches, rested > 0 && hasOverslept ? [rested / 2, rested / 2] : [took, last]);
  }
}
