import { plainText } from './plain-text.ts';
import { bytesLine } from './progress-bytes.ts';
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
    this.#advance(stage, done, total, (perMs) => {
      const etaSeconds = perMs === undefined ? undefined : (total - done) / perMs / 1000;
      return progressLine({ stage, done, total, metrics, etaSeconds });
    });
  }

  /** Tells that so many bytes of a download are there, of which the last belong to `item`. */
  bytes(stage: string, doneBytes: number, totalBytes: number, item: string): void {
    this.#advance(stage, doneBytes, totalBytes, (perMs) => {
      const bytesPerSecond = perMs === undefined ? undefined : perMs * 1000;
      return bytesLine({ stage, doneBytes, totalBytes, bytesPerSecond, item });
    });
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

  /** Shows the line where it is due. It is made from how much is done in a millisecond, undefined at the start. */
  #advance(stage: string, done: number, total: number, line: (perMs: number | undefined) => string): void {
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
    const more = done - this.#first.done;
    this.#line = plainText(line(more > 0 ? more / (atMs - this.#first.atMs) : undefined));
    if (!isDue) return;
    this.#shownAtMs = atMs;
    this.#show();
  }

  #show(): void {
    const { isTerminal, write } = this.#options;
    write(isTerminal ? `${CLEAR_LINE}${this.#line}` : `${this.#line}\n`);
    this.#isOpen = isTerminal;
  }
}
