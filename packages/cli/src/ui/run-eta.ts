import type { Phase, PlannedStage } from '@dawngrad/airl';

/** Time left, seconds. */
export interface Eta {
  readonly seconds: number;
  /** A later stage has not begun, so that its steps could not be timed: it will be more than this. */
  readonly isAtLeast: boolean;
}

/** Steps that the time of a step is taken from. */
const WINDOW = 64;

/**
 * The time left of a run whose stages are known. A step costs what the last steps did, without the slowest of them;
 * evaluations and saves, which only some steps are followed by, are timed and counted for themselves. The first step
 * of a stage counts nowhere: it compiles the kernels.
 */
export class RunEta {
  readonly #stages: readonly PlannedStage[];
  /** The stage at hand. */
  #at = 0;
  #done = 0;
  /** When the last step was told; undefined before the first one of a stage. */
  #lastMs: number | undefined;
  /** Time of evaluations and saves since then. */
  #besideMs = 0;
  #open: { readonly phase: 'eval' | 'save'; readonly sinceMs: number } | undefined;
  readonly #steps: { readonly count: number; readonly ms: number }[] = [];
  readonly #beside = { eval: { count: 0, ms: 0 }, save: { count: 0, ms: 0 } };

  constructor(stages: readonly PlannedStage[]) {
    this.#stages = stages;
    this.#at = Math.max(
      0,
      stages.findIndex(({ done, total }) => done < total),
    );
    this.#done = this.stage?.done ?? 0;
  }

  get stage(): PlannedStage | undefined {
    return this.#stages[this.#at];
  }

  /** Whether the plan has this stage, from the one at hand on. */
  has(stage: string): boolean {
    return this.#stages.some((planned, i) => i >= this.#at && planned.stage === stage);
  }

  /** The stage that comes after one; undefined after the last. */
  after(stage: string): PlannedStage | undefined {
    const at = this.#stages.findIndex((planned) => planned.stage === stage);
    return at < 0 ? undefined : this.#stages[at + 1];
  }

  /** A phase begins: whatever was open ends. */
  begin(phase: Phase, atMs: number): void {
    this.#end(atMs);
    if (phase === 'eval' || phase === 'save') this.#open = { phase, sinceMs: atMs };
  }

  step(stage: string, done: number, atMs: number): void {
    this.#end(atMs);
    if (stage !== this.stage?.stage) {
      this.#at = this.#stages.findIndex((planned) => planned.stage === stage);
      this.#steps.length = 0;
      this.#lastMs = undefined;
    }
    if (this.#lastMs !== undefined && done > this.#done) {
      this.#steps.push({ count: done - this.#done, ms: Math.max(0, atMs - this.#lastMs - this.#besideMs) });
      if (this.#steps.length > WINDOW) this.#steps.shift();
    }
    this.#done = done;
    this.#lastMs = atMs;
    this.#besideMs = 0;
  }

  /** Undefined while there is nothing to tell it from. */
  left(): Eta | undefined {
    const stage = this.stage;
    const isLast = this.#at === this.#stages.length - 1;
    if (stage === undefined || this.#steps.length === 0 || (this.#done >= stage.total && !isLast)) return undefined;
    const besideMs = (every: number | undefined, { count, ms }: { count: number; ms: number }): number =>
      every === undefined || count === 0 ? 0 : timesBetween(this.#done, stage.total, every) * (ms / count);
    const ms =
      (stage.total - this.#done) * this.#msOfStep() +
      besideMs(stage.evalEvery, this.#beside.eval) +
      besideMs(stage.saveEvery, this.#beside.save);
    return { seconds: ms / 1000, isAtLeast: !isLast };
  }

  #msOfStep(): number {
    const slowest = this.#steps.reduce((most, step) => (step.ms / step.count > most.ms / most.count ? step : most));
    const kept = this.#steps.length > 2 ? this.#steps.filter((step) => step !== slowest) : this.#steps;
    const sum = (of: 'ms' | 'count'): number => kept.reduce((total, step) => total + step[of], 0);
    return sum('ms') / sum('count');
  }

  #end(atMs: number): void {
    if (this.#open === undefined) return;
    const spentMs = atMs - this.#open.sinceMs;
    const total = this.#beside[this.#open.phase];
    total.count++;
    total.ms += spentMs;
    this.#besideMs += spentMs;
    this.#open = undefined;
  }
}

/** How often something happens after step `done` up to `total`, that happens every so many steps and at the end. */
function timesBetween(done: number, total: number, every: number): number {
  if (done >= total) return 0;
  return Math.floor(total / every) - Math.floor(done / every) + (total % every === 0 ? 0 : 1);
}
