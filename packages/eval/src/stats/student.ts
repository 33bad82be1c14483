import type { Interval } from './resample.ts';

/** ln Gamma(x) for x > 0, by Lanczos' approximation with g = 7 and nine terms; about 15 digits. */
export function logGamma(x: number): number {
  let sum = LANCZOS[0]!;
  for (let i = 1; i < LANCZOS.length; i++) sum += LANCZOS[i]! / (x - 1 + i);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
}

const LANCZOS = [
  0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
  12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
];

/** The two-sided p-value of Student's t with `df` degrees of freedom, which need not be whole. */
export function studentP(t: number, df: number): number {
  if (Number.isNaN(t) || !(df > 0)) return Number.NaN;
  return incompleteBeta(df / (df + t * t), df / 2, 0.5);
}

/** The t beyond which, on both sides together, a share `p` of Student's distribution lies. */
export function studentCritical(p: number, df: number): number {
  let low = 0;
  let high = 1;
  while (studentP(high, df) > p) high *= 2;
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2;
    if (studentP(middle, df) > p) low = middle;
    else high = middle;
  }
  return high;
}

/** The 95 % t interval of the mean of independent values; null for fewer than two. */
export function tInterval(values: readonly number[]): (Interval & { readonly value: number }) | null {
  const n = values.length;
  if (n < 2) return null;
  const value = values.reduce((sum, v) => sum + v, 0) / n;
  const variance = values.reduce((sum, v) => sum + (v - value) ** 2, 0) / (n - 1);
  const half = studentCritical(0.05, n - 1) * Math.sqrt(variance / n);
  return { value, low: value - half, high: value + half };
}

/**
 * The regularised incomplete beta function I_x(a, b), by its continued fraction with Lentz' method (Abramowitz and
 * Stegun 26.5.8; Press et al., Numerical Recipes, section 6.4).
 */
function incompleteBeta(x: number, a: number, b: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  // The fraction converges fast on one side of the mean; the other is its mirror image.
  if (x > (a + 1) / (a + b + 2)) return 1 - incompleteBeta(1 - x, b, a);
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log(1 - x)) / a;
  let c = 1;
  let d = 1 / notZero(1 - ((a + b) * x) / (a + 1));
  let fraction = d;
  for (let m = 1; m <= 500; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / notZero(1 + even * d);
    c = notZero(1 + even / c);
    fraction *= d * c;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / notZero(1 + odd * d);
    c = notZero(1 + odd / c);
    fraction *= d * c;
    if (Math.abs(d * c - 1) < 1e-15) break;
  }
  return front * fraction;
}

function notZero(value: number): number {
  return Math.abs(value) < 1e-300 ? 1e-300 : value;
}
