import { setTimeout as delay } from 'node:timers/promises';
import { PassingFailure } from './hub-refusal.ts';

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 8000;
/** A hub that asks for a longer wait than this is not waited for. */
const LONGEST_ASKED_WAIT_MS = 120_000;

/** Waits; rejects with the signal's reason when that comes first. */
export type Sleep = (ms: number, signal: AbortSignal) => Promise<void>;

export const sleep: Sleep = async (ms, signal) => {
  try {
    await delay(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
};

export interface RetryOptions {
  /** Failures in a row before giving up. */
  readonly tries: number;
  readonly signal: AbortSignal;
  readonly sleep: Sleep;
  /** Told before each wait. */
  readonly onRetry: (text: string) => void;
}

/** How often something that failed is tried again: waits double from half a second to eight. */
export class RetryBudget {
  readonly #options: RetryOptions;
  #failures = 0;

  constructor(options: RetryOptions) {
    this.#options = options;
  }

  /** Something went well: failures count from zero again. */
  succeed(): void {
    this.#failures = 0;
  }

  /** Waits until it makes sense to try again. Throws what failed for good, or too often. */
  async wait(failure: unknown): Promise<void> {
    const { tries, signal, sleep, onRetry } = this.#options;
    signal.throwIfAborted();
    if (!(failure instanceof PassingFailure)) throw failure;
    this.#failures += 1;
    const ms = failure.waitMs ?? Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (this.#failures - 1));
    if (this.#failures >= tries || ms > LONGEST_ASKED_WAIT_MS) throw failure.error;
    const { op, got } = failure.error.detail;
    onRetry(`${op}: ${got}; trying again${ms < 1000 ? '' : ` in ${Math.ceil(ms / 1000)} s`}`);
    await sleep(ms, signal);
  }
}
