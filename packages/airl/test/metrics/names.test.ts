import { describe, expect, it } from 'vitest';
import { METRICS, type MetricDefinition } from '../../src/metrics/names.ts';

describe('the metric dictionary', () => {
  it.each(Object.entries<MetricDefinition>(METRICS))('%s has a unit, a meaning and a sensible alarm', (key, metric) => {
    expect(key).toMatch(/^[a-z0-9]+(?:[_/][a-z0-9]+)*$/);
    expect(metric.unit).not.toBe('');
    expect(metric.meaning.length).toBeGreaterThan(10);
    const [least, most] = typeof metric.healthy === 'object' ? metric.healthy : [null, null];
    if (least !== null && most !== null) expect(least).toBeLessThanOrEqual(most);
    if (metric.alarm === undefined) return;
    // Who is alarmed is told what to do, and not about a value that is called healthy.
    expect(metric.remedy?.length ?? 0).toBeGreaterThan(10);
    if (most !== null) expect(most).toBeLessThanOrEqual(metric.alarm.above ?? Number.POSITIVE_INFINITY);
    if (least !== null) expect(least).toBeGreaterThanOrEqual(metric.alarm.below ?? Number.NEGATIVE_INFINITY);
    const { above, below } = metric.alarm;
    expect(above !== undefined || below !== undefined).toBe(true);
    expect((below ?? Number.NEGATIVE_INFINITY) < (above ?? Number.POSITIVE_INFINITY)).toBe(true);
  });
});
