import { plainText } from './plain-text.ts';
import { progressLine } from './progress-line.ts';

export interface ProgressOptions {
  readonly write: (text: string) => void;
  /** A terminal gets one line that changes; anything else a line every few seconds. */
  readonly isTerminal: boolean;
  /** Milliseconds on a clock that does not jump. */
  readonly nowMs: () => number;
}

const TERMINAL_INTERVAL_MS = 100;
const PLAIN_INTERVAL_MS = 5000;
const CLEAR_LINE = '\r\x1b[K';

/** Shows how far the stages of a run are. It is what the trainers report to. */
export class Progress {
  readonly #options: ProgressOptions;
  #stage = '';
  #first = { done: 0, atMs: 0 };
  #shownAtMs = Number.NEGATIVE_INFINITY;
  #line = '';
  #isOpen = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
  }

  /** Tells that `done` of `total` steps are done, with the metrics of the last one by their names. */
  step(stage: string, done: number, total: number, metrics: Record<string, number>): void {
    const { isTerminal, nowMs } = this.#options;
    const atMs = nowMs();
    const isNew = stage !== this.#stage || done < this.#first.done;
    if (isNew) {
      this.close();
      this.#stage = stage;
      // Time counts from the first report: the step before it compiled the kernels.
      this.#first = { done, atMs };
    }
    const interval = isTerminal ? TERMINAL_INTERVAL_MS : PLAIN_INTERVAL_MS;
    const isDue = isNew || done >= total || atMs - this.#shownAtMs >= interval;
    const steps = done - this.#first.done;
    const etaSeconds = steps > 0 ? (((atMs - this.#first.atMs) / steps) * (total - done)) / 1000 : undefined;
    this.#line = plainText(progressLine({ stage, done, total, metrics, etaSeconds }));
    if (!isDue) return;
    this.#shownAtMs = atMs;
    this.#show();
  }

  /** Prints a line of its own. */
  note(text: string): void {
    const line = plainText(text);
    this.#options.write(`${this.#isOpen ? CLEAR_LINE : ''}${line}\n`);
    if (this.#isOpen) this.#show();
  }

  /** Ends the line that is open on a terminal, with its last state. */
  close(): void {
    if (!this.#isOpen) return;
    this.#show();
    this.#options.write('\n');
    this.#isOpen = false;
  }

  #show(): void {
    const { isTerminal, write } = this.#options;
    write(isTerminal ? `${CLEAR_LINE}${this.#line}` : `${this.#line}\n`);
    this.#isOpen = isTerminal;
  }
}
