import { PHILOX_WGSL } from './philox.wgsl.ts';

/**
 * Random values from the words of `philox`, within 1e-6 of what `Rng` in rng.ts computes in float64 from the same
 * words, on every adapter: WGSL's own log and cos may be off by more (2^-11 for cos). A uniform is n / 2^24 for the
 * upper 24 bits n of a word; logarithms are taken at the middle of its interval, (2n + 1) / 2^25, so that none is of 0.
 * Source: logarithm as 2 atanh((m - 1) / (m + 1)) after W. J. Cody and W. Waite, "Software manual for the elementary
 * functions", 1980; sine and cosine polynomials of S. Moshier's Cephes (sinf.c).
 */
export const RANDOM_VALUES_WGSL = `${PHILOX_WGSL}
/* ln of (1 + s) / (1 - s) for |s| < 0.172. */
fn lnRatio(s: f32) -> f32 {
  let z = s * s;
  return 2.0 * s + 2.0 * s * z * (0.333333333 + z * (0.2 + z * (0.142857143 + z * 0.111111111)));
}
/* ln x of a positive normal number. */
fn lnOf(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var exponent = f32(i32(bits >> 23u) - 127);
  var m = bitcast<f32>((bits & 0x7fffffu) | 0x3f800000u);
  if (m > 1.41421356) { m *= 0.5; exponent += 1.0; }
  return exponent * 0.693359375 + (exponent * -2.12194440e-4 + lnRatio((m - 1.0) / (m + 1.0)));
}
/* ln((2n + 1) / 2^25), exact to rounding also where the number is too close to 1 for f32. */
fn lnOfUniform(word: u32) -> f32 {
  let n = word >> 8u;
  if (n < 0x800000u) { return lnOf(f32(2u * n + 1u) * 2.98023224e-8); }
  let w = f32(2u * (0x1000000u - n) - 1u) * 2.98023224e-8;
  if (w < 0.292893) { return lnRatio(-w / (2.0 - w)); }
  return lnRatio((1.0 - 2.0 * w) / (3.0 - 2.0 * w)) - 0.693147181;
}
/* cos(2 pi n / 2^24): the quarter turn that is nearest is taken off as an integer. */
fn cosOfTurn(word: u32) -> f32 {
  let n = word >> 8u;
  let quarter = (n + 0x200000u) >> 22u;
  let a = f32(i32(n) - i32(quarter << 22u)) * 3.74507039e-7;
  let z = a * a;
  let sine = a + a * z * (-1.6666654611e-1 + z * (8.3321608736e-3 + z * -1.9515295891e-4));
  let cosine = 1.0 - 0.5 * z + z * z * (4.166664568e-2 + z * (-1.388731625e-3 + z * 2.443315711e-5));
  let value = select(cosine, sine, (quarter & 1u) == 1u);
  return select(value, -value, ((quarter + 1u) & 2u) == 2u);
}
fn normalOf(a: u32, b: u32) -> f32 { return sqrt(-2.0 * lnOfUniform(a)) * cosOfTurn(b); }
fn gumbelOf(word: u32) -> f32 { return -lnOf(-lnOfUniform(word)); }
`;
