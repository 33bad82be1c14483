import type { MetricRow } from '@dawngrad/airl';

/** How a run ended. */
export type RunEnd = 'finished' | 'stopped' | 'failed';

/**
 * Where the rows of metrics.jsonl also go. It follows that file: row `index` is the line of that number, and what the
 * file loses, as a run goes back to a checkpoint, the sink loses as far as it can. Its methods do not throw for what
 * can go wrong outside the process; a sink says so once and gives up.
 */
export interface MetricSink {
  /** What the file holds as the sink begins or after it was cut; rows that follow are done again. */
  follow(rows: readonly MetricRow[]): void;
  row(row: MetricRow): void;
  /** Resolves within some seconds, whatever the other side does. */
  close(end: RunEnd): Promise<void>;
}
