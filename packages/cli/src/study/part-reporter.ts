import { appendFileSync } from 'node:fs';
import type { MetricRow, Phase, PlannedStage, Reporter } from '@dawngrad/airl';
import type { Progress } from '../ui/progress.ts';

const WARNING = /^warning:/;

/**
 * Tells the progress of a part with its place in the study and its name before the names of its stages. Its notes, which
 * would be many lines in a study, go into a file.
 */
export class PartReporter implements Reporter {
  readonly #progress: Progress;
  readonly #name: string;
  readonly #log: string;
  /** Warnings among the notes. */
  warnings = 0;

  constructor(progress: Progress, name: string, log: string) {
    this.#progress = progress;
    this.#name = name;
    this.#log = log;
  }

  step(stage: string, done: number, total: number, metrics: MetricRow): void {
    this.#progress.step(this.#named(stage), done, total, metrics);
  }

  note(text: string): void {
    if (WARNING.test(text)) this.warnings++;
    appendFileSync(this.#log, `${text}\n`);
  }

  plan(stages: readonly PlannedStage[]): void {
    this.#progress.plan(stages.map((stage) => ({ ...stage, stage: this.#named(stage.stage) })));
  }

  phase(phase: Phase, done: number, total: number, tokens?: number): void {
    this.#progress.phase(phase, done, total, tokens);
  }

  #named(stage: string): string {
    return this.#name.endsWith(stage) ? this.#name : `${this.#name}: ${stage}`;
  }
}
