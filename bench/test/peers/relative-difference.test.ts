import { expect, test } from 'vitest';
import { relativeDifference } from '../../src/peers/relative-difference.ts';

test('is the Frobenius norm of the difference over that of the reference', () => {
  expect(relativeDifference(Float32Array.of(3, 5), Float32Array.of(3, 4))).toBeCloseTo(0.2, 6);
});

test('equal values differ by nothing, zeros included', () => {
  expect(relativeDifference(Float32Array.of(0, 0), Float32Array.of(0, 0))).toBe(0);
});

test('another size, NaN and infinity count as infinitely far', () => {
  expect(relativeDifference(Float32Array.of(1), Float32Array.of(1, 2))).toBe(Number.POSITIVE_INFINITY);
  expect(relativeDifference(Float32Array.of(Number.NaN), Float32Array.of(1))).toBe(Number.POSITIVE_INFINITY);
  expect(relativeDifference(Float32Array.of(Number.POSITIVE_INFINITY), Float32Array.of(1))).toBe(
    Number.POSITIVE_INFINITY,
  );
});
