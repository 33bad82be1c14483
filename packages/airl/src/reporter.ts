import type { MetricRow } from './metrics/names.ts';
import type { Phase } from './metrics/phase.ts';

/** What a run is going to do: for an estimate of its end. */
export interface PlannedStage {
  /** As in `Reporter.step`. */
  readonly stage: string;
  /** Steps that an earlier start has done. */
  readonly done: number;
  readonly total: number;
  /** Steps from one evaluation to the next; the last is evaluated too. Absent: none. */
  readonly evalEvery?: number;
  /** Steps from one checkpoint to the next; the last is saved too. Absent: none. */
  readonly saveEvery?: number;
}

/** Who is told how far a run is. Libraries print nothing themselves. */
export interface Reporter {
  /** `done` of `total` steps of a stage are done; the metrics are those of the last one. */
  step(stage: string, done: number, total: number, metrics: MetricRow): void;
  /** Something worth a line of its own. */
  note(text: string): void;
  /** The stages from here on, in order, before the first of them begins. */
  plan?(stages: readonly PlannedStage[]): void;
  /**
   * Where the step at hand is: `done` of `total` parts of a phase (samples of a rollout, with their tokens so far),
   * 0 of 0 where it begins or has no parts to count.
   */
  phase?(phase: Phase, done: number, total: number, tokens?: number): void;
}
