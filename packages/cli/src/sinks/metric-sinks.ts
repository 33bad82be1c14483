import { readFileSync } from 'node:fs';
import type { MetricRow } from '@dawngrad/airl';
import type { MetricSink, RunEnd } from './metric-sink.ts';

/** A sink and how it is called. */
export interface NamedSink {
  readonly name: string;
  readonly sink: MetricSink;
}

/**
 * The sinks of a run. One that fails, on a full disk for example, is left out from then on, and the user told once:
 * metrics.jsonl has all rows, and a run does not end for a chart.
 */
export class MetricSinks {
  readonly #metricsPath: string;
  readonly #note: (text: string) => void;
  #sinks: readonly NamedSink[];
  #isFollowing = false;

  /** @param metricsPath the file that the sinks follow */
  constructor(sinks: readonly NamedSink[], metricsPath: string, note: (text: string) => void) {
    this.#sinks = sinks;
    this.#metricsPath = metricsPath;
    this.#note = note;
  }

  /** A row that was just appended to the file. */
  row(row: MetricRow): void {
    if (this.#sinks.length === 0) return;
    if (this.#isFollowing) this.#each((sink) => sink.row(row));
    // The file has it already.
    else this.#follow();
  }

  /** The file was cut: the rows that follow are done again. */
  truncated(): void {
    if (this.#sinks.length > 0) this.#follow();
  }

  /** Waits for what is under way, some seconds at most. */
  async close(end: RunEnd): Promise<void> {
    const closing = this.#sinks.map(({ name, sink }) =>
      sink.close(end).catch((error: unknown) => this.#note(`note: ${name}: ${reason(error)}`)),
    );
    this.#sinks = [];
    await Promise.all(closing);
  }

  #follow(): void {
    this.#isFollowing = true;
    const rows = readRows(this.#metricsPath);
    this.#each((sink) => sink.follow(rows));
  }

  #each(tell: (sink: MetricSink) => void): void {
    this.#sinks = this.#sinks.filter(({ name, sink }) => {
      try {
        tell(sink);
        return true;
      } catch (error) {
        this.#note(`note: ${name} gets no further metrics: ${reason(error)}; metrics.jsonl has them`);
        return false;
      }
    });
  }
}

/** The rows of metrics.jsonl; the values that JSON has no numbers for are texts there. */
function readRows(path: string): MetricRow[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const row = JSON.parse(line) as Record<string, unknown>;
      return Object.fromEntries(
        Object.entries(row)
          .map(([name, value]) => [name, typeof value === 'string' ? Number(value) : value])
          .filter(([, value]) => typeof value === 'number'),
      ) as MetricRow;
    });
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
