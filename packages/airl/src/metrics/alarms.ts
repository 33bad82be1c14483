import type { Reporter } from '../reporter.ts';
import { METRICS, type MetricDefinition, type MetricName, type MetricRow } from './names.ts';

/** Tells the reporter, once for each metric, that it stayed outside its limits for as many rows as its alarm asks. */
export class Alarms {
  readonly #reporter: Reporter;
  /** Rows in a row outside the limits. A row without the metric changes nothing. */
  readonly #rows = new Map<MetricName, number>();
  readonly #told = new Set<MetricName>();

  constructor(reporter: Reporter) {
    this.#reporter = reporter;
  }

  check(row: MetricRow): void {
    for (const [name, value] of Object.entries(row) as [MetricName, number][]) {
      const { alarm, meaning, remedy }: MetricDefinition = METRICS[name];
      if (alarm === undefined || this.#told.has(name)) continue;
      const { above = Number.POSITIVE_INFINITY, below = Number.NEGATIVE_INFINITY, steps = 1 } = alarm;
      const rows = value > above || value < below ? (this.#rows.get(name) ?? 0) + 1 : 0;
      this.#rows.set(name, rows);
      if (rows < steps) continue;
      this.#told.add(name);
      const limit = value > above ? `above ${above}` : `below ${below}`;
      const since = steps === 1 ? '' : ` after ${steps} rows outside its limits`;
      const advice = remedy === undefined ? '' : `: ${remedy}`;
      this.#reporter.note(
        `warning: ${name} is ${Number(value.toPrecision(3))}, ${limit}${since} (${meaning})${advice}`,
      );
    }
  }
}
