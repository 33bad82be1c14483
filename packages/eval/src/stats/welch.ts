import { studentP } from './student.ts';

/** Welch's t-test of two means (Welch 1947), two-sided. */
export interface WelchTest {
  /** The first mean less the second. */
  readonly difference: number;
  readonly t: number;
  /** By Welch and Satterthwaite. */
  readonly df: number;
  readonly p: number;
}

/** Null where a side has fewer than two values, or where neither side varies. */
export function welchTest(a: readonly number[], b: readonly number[]): WelchTest | null {
  if (a.length < 2 || b.length < 2) return null;
  const [first, second] = [moments(a), moments(b)];
  const [u, v] = [first.variance / a.length, second.variance / b.length];
  if (u + v === 0) return null;
  const difference = first.mean - second.mean;
  const t = difference / Math.sqrt(u + v);
  const df = (u + v) ** 2 / (u ** 2 / (a.length - 1) + v ** 2 / (b.length - 1));
  return { difference, t, df, p: studentP(t, df) };
}

function moments(values: readonly number[]): { mean: number; variance: number } {
  const mean = values.reduce((sum, v) => sum + v, 0) / values.length;
  return { mean, variance: values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (values.length - 1) };
}
