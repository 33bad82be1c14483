/*
 * erf and erfc in float64, for references.
 * Source: Abramowitz and Stegun 7.1.6 (series) and 7.1.14 (continued fraction).
 */

const SERIES_BELOW = 2.5;

/** 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x. */
export function erf64(x: number): number {
  if (Math.abs(x) >= SERIES_BELOW) return Math.sign(x) * (1 - erfcTail(Math.abs(x)));
  // All terms have the sign of x, so nothing cancels.
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** 1 - erf(x), without cancellation for large x. */
export function erfc64(x: number): number {
  return x >= SERIES_BELOW ? erfcTail(x) : 1 - erf64(x);
}

/** x from 2.5 on: e^(-x^2) / sqrt(pi) / (x + 1/2 / (x + 1 / (x + 3/2 / (x + ...)))). */
function erfcTail(x: number): number {
  let fraction = x;
  for (let n = 60; n > 0; n--) fraction = x + n / 2 / fraction;
  return x === Number.POSITIVE_INFINITY ? 0 : Math.exp(-x * x) / Math.sqrt(Math.PI) / fraction;
}
