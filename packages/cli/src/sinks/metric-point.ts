import type { MetricRow } from '@dawngrad/airl';

/** A row as a point of charts. */
export interface MetricPoint {
  readonly step: number;
  readonly values: readonly (readonly [name: string, value: number])[];
}

/**
 * A row by its step. Every update of a critic's warm-up has step 0: those are charts of their own, `warmup/...`, by
 * the number of the update.
 */
export function metricPoint({ step = 0, ...metrics }: MetricRow): MetricPoint {
  const values = Object.entries(metrics);
  const update = metrics['disc/updates'];
  if (step > 0 || update === undefined) return { step, values };
  return { step: update, values: values.map(([name, value]) => [`warmup/${name}`, value]) };
}
