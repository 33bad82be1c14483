import { METRICS, type MetricDefinition } from '@dawngrad/airl';
import { ToolError } from '@dawngrad/tensor';
import { nearest } from '../config/nearest.ts';

/** A metric with its key. */
export interface NamedMetric extends MetricDefinition {
  readonly key: string;
}

/** Every metric, in the order of the dictionary. */
const ALL_METRICS: readonly NamedMetric[] = Object.entries<MetricDefinition>(METRICS).map(([key, definition]) => ({
  key,
  ...definition,
}));

/**
 * The metrics of these keys, all where there are none; `disc` or `disc/` names all that begin with it. Throws
 * ToolError 'usage' where a key is of no metric.
 */
export function selectMetrics(keys: readonly string[]): readonly NamedMetric[] {
  if (keys.length === 0) return ALL_METRICS;
  const found = keys.flatMap((key) => {
    const group = `${key.replace(/\/$/, '')}/`;
    const named = ALL_METRICS.filter((metric) => metric.key === key || metric.key.startsWith(group));
    if (named.length > 0) return named;
    const near = nearest(
      key,
      ALL_METRICS.map((metric) => metric.key),
    );
    throw new ToolError('usage', {
      op: 'metrics',
      expected: 'keys of metrics.jsonl',
      got: key,
      hint: near === undefined ? 'dawngrad metrics prints them all.' : `did you mean ${near}?`,
    });
  });
  return [...new Set(found)];
}
