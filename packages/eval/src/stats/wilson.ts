import type { Interval } from './resample.ts';

/** Standard normal quantile at 97.5 %. */
const Z = 1.959963984540054;

/** Wilson's 95 % score interval of a proportion (Wilson 1927): honest at 0 and 1, unlike the bootstrap. */
export function wilsonInterval(successes: number, n: number): Interval {
  const p = successes / n;
  const z2 = Z * Z;
  const centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const half = (Z / (1 + z2 / n)) * Math.sqrt((p * (1 - p)) / n + z2 / (4 * n * n));
  // At the ends the bound is exact, and rounding must not move it.
  return { low: successes === 0 ? 0 : centre - half, high: successes === n ? 1 : centre + half };
}
