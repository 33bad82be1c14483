import { mathFunctions } from '../kernels/lib/math.wgsl.ts';

/*
 * WGSL functions of binary ops, each of single elements. `TYPE` stands for i32 or u32.
 */

const nan = (x: string): string => `(bitcast<u32>(${x}) & 0x7fffffffu) > 0x7f800000u`;

/**
 * Quotient and rest rounded downwards. WGSL allows a quotient an error of 2.5 units, which may carry it over
 * an integer: the rest tells.
 * Source: the rules of NumPy's floor_divide and remainder.
 */
const FLOOR_PARTS = `fn floor_parts(a: f32, b: f32) -> vec2f {
  // The rest of a fraction would round to b itself.
  if (abs(a) < abs(b)) {
    if (a != 0.0 && (a < 0.0) != (b < 0.0)) { return vec2f(-1.0, a + b); }
    return vec2f(0.0, a);
  }
  let size = abs(b);
  var count = trunc(abs(a) / size);
  var rest = fma(-count, size, abs(a));
  if (rest < 0.0) { count -= 1.0; rest += size; }
  else if (rest >= size) { count += 1.0; rest -= size; }
  if ((a < 0.0) != (b < 0.0)) {
    // The next step down, unless the quotient is whole.
    if (rest != 0.0) { count += 1.0; rest = size - rest; }
    count = -count;
  }
  return vec2f(count, select(rest, -rest, b < 0.0));
}
`;

export const FLOOR_DIVIDE = `${FLOOR_PARTS}fn floor_divide_f32(a: f32, b: f32) -> f32 {
  let quotient = a / b;
  // From 2^23 on every float is an integer; infinities and NaN stay.
  if (!(abs(quotient) < 8388608.0)) { return quotient; }
  return floor_parts(a, b).x;
}
`;

/** The rest of a large quotient by long division: every subtraction is exact and takes the highest bit away. */
const LONG_DIVISION = `fn rest_of_division(a: f32, size: f32) -> f32 {
  var rest = a;
  for (var i = 0; i < 300 && rest >= size; i++) {
    let shift = i32(bitcast<u32>(rest) >> 23u) - i32(bitcast<u32>(size) >> 23u);
    let half = shift / 2;
    var part = size * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(shift - half + 127) << 23u);
    if (part > rest) { part *= 0.5; }
    rest -= part;
  }
  return rest;
}
`;

export const REMAINDER = `${FLOOR_PARTS}${LONG_DIVISION}fn remainder_f32(a: f32, b: f32) -> f32 {
  if (${nan('a')}) { return a; }
  if (${nan('b')}) { return b; }
  let isBounded = (bitcast<u32>(a) & 0x7fffffffu) < 0x7f800000u;
  if (isBounded && (bitcast<u32>(b) & 0x7fffffffu) == 0x7f800000u) {
    return select(a, b, a != 0.0 && (a < 0.0) != (b < 0.0));
  }
  // A product with 2^22 and less is exact to the last bit that matters.
  if (isBounded && b != 0.0 && abs(a / b) >= 4194304.0) {
    let rest = rest_of_division(abs(a), abs(b));
    let up = select(rest, abs(b) - rest, rest != 0.0 && (a < 0.0) != (b < 0.0));
    return select(up, -up, b < 0.0);
  }
  return floor_parts(a, b).y;
}
`;

/** WGSL gives a for a / 0 and for the smallest i32 over -1, and 0 for a % 0. */
export const FLOOR_DIVIDE_INT = `fn floor_divide_TYPE(a: TYPE, b: TYPE) -> TYPE {
  if (b == 0) { return TYPE(0); }
  let rest = a % b;
  let quotient = a / b;
  if (rest != 0 && (rest < 0) != (b < 0)) { return quotient - 1; }
  return quotient;
}
`;

export const REMAINDER_INT = `fn remainder_TYPE(a: TYPE, b: TYPE) -> TYPE {
  if (b == 0) { return TYPE(0); }
  let rest = a % b;
  if (rest != 0 && (rest < 0) != (b < 0)) { return rest + b; }
  return rest;
}
`;

/**
 * |a|^b = 2^(b log2 |a|), where the part of the product from a's exponent keeps its rounding error.
 * Special cases as C's pow.
 */
export const POWER = `${mathFunctions('log_parts', 'exp2_f32', 'float_of_bits')}fn power_f32(a: f32, b: f32) -> f32 {
  if (b == 0.0 || a == 1.0) { return 1.0; }
  if (${nan('a')}) { return a; }
  if (${nan('b')}) { return b; }
  let size = abs(a);
  let isWhole = trunc(b) == b;
  let isOdd = isWhole && abs(b) < 16777216.0 && (i32(b) & 1) == 1;
  // By its bit: a comparison may take a denormal a for 0.
  let isNegative = (bitcast<u32>(a) >> 31u) == 1u;
  let isBounded = (bitcast<u32>(size) - 1u) < 0x7f7fffffu && (bitcast<u32>(b) & 0x7fffffffu) < 0x7f800000u;
  var y = 1.0;
  if (isBounded) {
    if (bitcast<u32>(a) > 0x80000000u && !isWhole) { return float_of_bits(0x7fc00000u); }
    let parts = log_parts(size);
    let l = (parts.z * 0.442695041 + parts.y * 0.442695041) + parts.z + parts.y;
    let coarse = b * parts.x;
    let lost = fma(b, parts.x, -coarse);
    let fine = b * l;
    let k = clamp(round(coarse + fine), -252.0, 252.0);
    let r = clamp((coarse - k) + fine + lost, -100.0, 100.0);
    let half = i32(k) >> 1u;
    y = exp2_f32(r) * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(i32(k) - half + 127) << 23u);
  } else if (size != 1.0) {
    // 0 or infinite, either of them: the power is too.
    let grows = (size > 1.0) == (b > 0.0);
    y = float_of_bits(select(0u, 0x7f800000u, grows));
  }
  return select(y, -y, isNegative && isOdd);
}
`;

/** By squaring, wrapping; a negative exponent leaves 0 of all bases but 1 and -1. */
export const POWER_INT = `fn power_TYPE(a: TYPE, b: TYPE) -> TYPE {
  if (b < 0) { return select(TYPE(0), select(a, a * a, (b & 1) == 0), a * a == 1); }
  var result = TYPE(1);
  var base = a;
  for (var rest = u32(b); rest > 0u; rest = rest >> 1u) {
    if ((rest & 1u) == 1u) { result = result * base; }
    base = base * base;
  }
  return result;
}
`;

/** Source: the special cases are C's. */
export const ATAN2 = `${mathFunctions('atan_f32')}fn atan2_f32(y: f32, x: f32) -> f32 {
  if (${nan('y')}) { return y; }
  if (${nan('x')}) { return x; }
  let small = min(abs(x), abs(y));
  let large = max(abs(x), abs(y));
  // 0 / 0 counts as 0, infinity / infinity as 1.
  var ratio = 1.0;
  if (large == 0.0) { ratio = 0.0; }
  else if (small < large) { ratio = small / large; }
  var angle = atan_f32(ratio);
  if (abs(y) > abs(x)) { angle = 1.57079633 - angle; }
  if ((bitcast<u32>(x) >> 31u) == 1u) { angle = 3.14159265 - angle; }
  return bitcast<f32>(bitcast<u32>(angle) | (bitcast<u32>(y) & 0x80000000u));
}
`;
