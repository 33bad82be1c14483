import type { MetricRow } from './metrics/names.ts';

/** Who is told how far a run is. Libraries print nothing themselves. */
export interface Reporter {
  /** `done` of `total` steps of a stage are done; the metrics are those of the last one. */
  step(stage: string, done: number, total: number, metrics: MetricRow): void;
  /** Something worth a line of its own. */
  note(text: string): void;
}
