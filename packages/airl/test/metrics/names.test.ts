import { describe, expect, it } from 'vitest';
import { METRICS, type MetricDefinition } from '../../src/metrics/names.ts';

describe('the metric dictionary', () => {
  it.each(Object.entries<MetricDefinition>(METRICS))('%s has a unit, a meaning and a sensible alarm', (key, metric) => {
    expect(key).toMatch(/^[a-z0-9]+(?:[_/][a-z0-9]+)*$/);
    expect(metric.unit).not.toBe('');
    expect(metric.meaning.length).toBeGreaterThan(10);
    if (metric.alarm === undefined) return;
    const { above, below } = metric.alarm;
    expect(above !== undefined || below !== undefined).toBe(true);
    expect((below ?? Number.NEGATIVE_INFINITY) < (above ?? Number.POSITIVE_INFINITY)).toBe(true);
  });
});
