import { expect } from 'vitest';
import type { MetricName, MetricRow } from '../../src/metrics/names.ts';

/**
 * How far a metric may be off where nothing but the order of sums differs, relative to its value or, below 1,
 * absolutely. Sums are of f32, whose rounding is 6e-8; a hundred tokens through two layers, their gradient and one or
 * two steps of AdamW, which divides small gradients by their own size, make of it what is allowed here.
 */
const TOLERANCES: Partial<Record<MetricName, number>> = {
  grad_norm: 5e-5,
  'disc/grad_norm': 5e-5,
  // A rounding error itself, of f32 logits.
  'sampling/logp_diff_max': 1e-5,
  'sampling/ratio_raw_max': 1e-5,
};
const OTHERS = 2e-5;

/** What depends on how the work is cut, or on the machine: launches, memory, time. */
const NOT_COMPARED = /^(time|perf|mem)\/|^step_time$/;

/** Every metric of every row is there in both runs, and the same within its tolerance. */
export function expectSameRows(actual: readonly MetricRow[], expected: readonly MetricRow[]): void {
  const compared = (row: MetricRow) => {
    const kept = Object.entries(row).filter(([name]) => !NOT_COMPARED.test(name)) as [MetricName, number][];
    return new Map(kept);
  };
  expect(actual.length).toBe(expected.length);
  expected.forEach((row, i) => {
    const [values, found] = [compared(row), compared(actual[i]!)];
    expect([...found.keys()].sort()).toEqual([...values.keys()].sort());
    for (const [name, value] of values) {
      const allowed = (TOLERANCES[name] ?? OTHERS) * Math.max(1, Math.abs(value));
      expect(
        Math.abs(found.get(name)! - value),
        `${name} of row ${i}: ${found.get(name)} for ${value}`,
      ).toBeLessThanOrEqual(allowed);
    }
  });
}
