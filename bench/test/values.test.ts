import { expect, test } from 'vitest';
import { idValues, uniformValues } from '../src/values.ts';

test('values depend on the seed alone and fill their range evenly', () => {
  const values = uniformValues(20_000, 3);
  expect(values).toEqual(uniformValues(20_000, 3));
  expect(values).not.toEqual(uniformValues(20_000, 4));
  expect(Math.abs(values.reduce((a, v) => a + v, 0) / values.length)).toBeLessThan(0.01);
  expect(Math.min(...values)).toBeGreaterThanOrEqual(-0.5);
  expect(Math.max(...values)).toBeLessThan(0.5);
});

test('ids reach every value below the limit and none above', () => {
  expect([...new Set(idValues(2000, 7, 1))].sort()).toEqual([0, 1, 2, 3, 4, 5, 6]);
});
