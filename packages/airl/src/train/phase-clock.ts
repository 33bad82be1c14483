import type { MetricRow } from '../metrics/names.ts';
import { PHASES, type Phase } from '../metrics/phase.ts';
import type { RunContext } from './run-context.ts';

/** Their times add up to `step_time`; evaluation and saves are beside it. */
const STEP_PHASES: readonly Phase[] = ['rollout', 'critic', 'reward', 'update'];

/** Where the time between two rows of metrics went: one phase after another, told to the reporter as they begin. */
export class PhaseClock {
  readonly #context: Pick<RunContext, 'nowMs' | 'reporter'>;
  readonly #ms = new Map<Phase, number>();
  readonly #tokens = new Map<Phase, number>();
  #open: { readonly phase: Phase; readonly sinceMs: number } | undefined;

  constructor(context: Pick<RunContext, 'nowMs' | 'reporter'>) {
    this.#context = context;
  }

  /** Ends the phase at hand, if there is one, and begins another. */
  begin(phase: Phase): void {
    this.end();
    this.#open = { phase, sinceMs: this.#context.nowMs() };
    this.#context.reporter.phase?.(phase, 0, 0);
  }

  /** Ends the phase at hand. */
  end(): void {
    if (this.#open === undefined) return;
    const { phase, sinceMs } = this.#open;
    this.#ms.set(phase, (this.#ms.get(phase) ?? 0) + this.#context.nowMs() - sinceMs);
    this.#open = undefined;
  }

  /** A phase that is one call. */
  async during<Result>(phase: Phase, work: () => Promise<Result>): Promise<Result> {
    this.begin(phase);
    try {
      return await work();
    } finally {
      this.end();
    }
  }

  /** Tells how much of the phase at hand is done; to be handed to `rollout` as `onProgress`. */
  readonly onProgress = (done: number, total: number, tokens: number): void => {
    if (this.#open !== undefined) this.#context.reporter.phase?.(this.#open.phase, done, total, tokens);
  };

  /** Completion tokens that the phase worked on, since the last row. */
  count(phase: Phase, tokens: number): void {
    this.#tokens.set(phase, (this.#tokens.get(phase) ?? 0) + tokens);
  }

  /** Seconds of a phase since the last row; of the whole step unless one is named. */
  seconds(phase?: Phase): number {
    const phases = phase === undefined ? STEP_PHASES : [phase];
    return phases.reduce((total, one) => total + (this.#ms.get(one) ?? 0), 0) / 1000;
  }

  /**
   * Times, shares and rates of the phases since the last row, and starts anew. A phase that did not happen is left
   * out, and so are rates over a time that the clock cannot see.
   */
  row(): MetricRow {
    this.end();
    const all = PHASES.reduce((total, phase) => total + this.seconds(phase), 0);
    const row: MetricRow = {};
    if (STEP_PHASES.some((phase) => this.#ms.has(phase))) row.step_time = this.seconds();
    for (const phase of PHASES) {
      if (!this.#ms.has(phase)) continue;
      const seconds = this.seconds(phase);
      row[`time/${phase}`] = seconds;
      if (seconds === 0) continue;
      row[`time/${phase}_share`] = seconds / all;
      const tokens = this.#tokens.get(phase);
      if (phase !== 'save' && tokens !== undefined) row[`perf/${phase}_tokens_per_second`] = tokens / seconds;
    }
    this.#ms.clear();
    this.#tokens.clear();
    return row;
  }
}
