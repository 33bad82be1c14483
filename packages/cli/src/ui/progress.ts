import type { Phase, PlannedStage } from '@dawngrad/airl';
import { plainText } from './plain-text.ts';
import { bytesLine } from './progress-bytes.ts';
import { MAX_CHARACTERS, type PhaseState, progressLine } from './progress-line.ts';
import { type Eta, RunEta } from './run-eta.ts';

export interface ProgressOptions {
  readonly write: (text: string) => void;
  /** A terminal gets one line that changes; anything else a line every few seconds. */
  readonly isTerminal: boolean;
  /** Characters of the terminal's lines, asked for each line; a longer one would wrap and stay. */
  readonly columns?: () => number | undefined;
  /** Milliseconds on a clock that does not jump. */
  readonly nowMs: () => number;
}

const TERMINAL_INTERVAL_MS = 100;
/** Between lines of a log: of a long run 1 % of its time, so that logs stay short. */
const PLAIN_INTERVAL_MS = { least: 5000, most: 60_000 };
const CLEAR_LINE = '\r\x1b[K';

/** Shows how far the stages of a run are. It is what the trainers report to. */
export class Progress {
  readonly #options: ProgressOptions;
  readonly #startMs: number;
  #stage = '';
  #first = { done: 0, atMs: 0 };
  #shownAtMs = Number.NEGATIVE_INFINITY;
  #run: RunEta | undefined;
  /** The last report of a step; what a phase of the next one is shown with. */
  #told: { stage: string; done: number; total: number; metrics: Record<string, number> } | undefined;
  #line = '';
  #isOpen = false;

  constructor(options: ProgressOptions) {
    this.#options = options;
    this.#startMs = options.nowMs();
  }

  /** Tells what the run is going to do, before the first stage of it begins. */
  plan(stages: readonly PlannedStage[]): void {
    this.#run = new RunEta(stages);
    const { stage } = this.#run;
    if (stage !== undefined) this.#told = { ...stage, metrics: {} };
  }

  /** Tells that `done` of `total` steps are done, with the metrics of the last one by their names. */
  step(stage: string, done: number, total: number, metrics: Record<string, number>): void {
    if (this.#run?.has(stage) === false) this.#run = undefined;
    this.#run?.step(stage, done, this.#options.nowMs());
    this.#told = { stage, done, total, metrics };
    this.#advance(stage, done, total, (perMs) => {
      const rest: Eta | undefined =
        perMs === undefined ? undefined : { seconds: (total - done) / perMs / 1000, isAtLeast: false };
      const eta = this.#run === undefined ? rest : this.#run.left();
      return progressLine({ stage, done, total, metrics, eta }, this.#width);
    });
  }

  /** Tells what the step at hand does: `done` of `total` parts of a phase, 0 of 0 where it begins. */
  phase(phase: Phase, done: number, total: number, tokens?: number): void {
    const atMs = this.#options.nowMs();
    if (total === 0) this.#run?.begin(phase, atMs);
    if (this.#run === undefined || this.#told === undefined) return;
    const next = this.#told.done < this.#told.total ? undefined : this.#run.after(this.#told.stage);
    if (next !== undefined && phase !== 'eval' && phase !== 'save') this.#told = { ...next, metrics: {} };
    const state: PhaseState = { phase, done, total, tokens };
    const line = progressLine({ ...this.#told, phase: state, eta: this.#run.left() }, this.#width);
    if (this.#told.stage !== this.#stage) this.#begin(this.#told.stage, this.#told.done, atMs);
    this.#showWhenDue(line, atMs, false);
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
    const atMs = this.#options.nowMs();
    const isNew = stage !== this.#stage || done < this.#first.done;
    if (isNew) this.#begin(stage, done, atMs);
    const more = done - this.#first.done;
    const text = line(more > 0 ? more / (atMs - this.#first.atMs) : undefined);
    this.#showWhenDue(text, atMs, isNew || done >= total);
  }

  #begin(stage: string, done: number, atMs: number): void {
    this.close();
    this.#stage = stage;
    // Time counts from the first report: the step before it compiled the kernels.
    this.#first = { done, atMs };
  }

  #showWhenDue(line: string, atMs: number, isDue: boolean): void {
    this.#line = plainText(line);
    const { least, most } = PLAIN_INTERVAL_MS;
    const interval = this.#options.isTerminal
      ? TERMINAL_INTERVAL_MS
      : Math.min(most, Math.max(least, (atMs - this.#startMs) / 100));
    if (!isDue && atMs - this.#shownAtMs < interval) return;
    this.#shownAtMs = atMs;
    this.#show();
  }

  #show(): void {
    const { isTerminal, write } = this.#options;
    write(isTerminal ? `${CLEAR_LINE}${this.#line}` : `${this.#line}\n`);
    this.#isOpen = isTerminal;
  }

  /** One less than the terminal has: at its edge, some wrap. */
  get #width(): number {
    return Math.min(MAX_CHARACTERS, Math.max(20, (this.#options.columns?.() ?? Number.POSITIVE_INFINITY) - 1));
  }
}
