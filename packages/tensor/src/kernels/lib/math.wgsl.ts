/*
 * Functions of floats that WGSL's own are not good enough for. WGSL bounds exp by 3 + 2|x| units in the last
 * place, leaves log, tanh and atan without a useful bound near 0, sin and cos beyond pi, and lets compilers
 * assume that there is no NaN. On lavapipe `log` is off by 2 * 10^5 units near 1 and `tanh` by 8 * 10^6 near 0.
 *
 * Numerics within 4 units in the last place (tan and erfc 6), over all of f32 for sin, cos and tan too: measured
 *          by test/kernels/lib/math.wgsl.test.ts. NaN in, NaN out. Infinite where the true value exceeds f32's
 *          range; results below 2^-126 may be 0. No step needs a fused multiply-add.
 * Source   polynomials of exp, log, sin, cos, asin and atan: S. Moshier, Cephes Mathematical Library (single
 *          precision); range reduction of sin and cos: Payne and Hanek, "Radian reduction for trigonometric
 *          functions", SIGNUM 1983; erf, erfc, tanh and sinh: Chebyshev fits, relative error below 2 * 10^-9.
 */

interface MathFunction {
  readonly text: string;
  readonly uses?: readonly string[];
}

/** A polynomial in Horner's form, lowest coefficient first. */
function polynomial(x: string, coefficients: readonly number[]): string {
  const terms = coefficients.map((c) => (Number.isInteger(c) ? `${c}.0` : String(c)));
  return terms.slice(0, -1).reduceRight((inner, term) => `(${term} + ${x} * ${inner})`, terms[terms.length - 1]!);
}

const NAN_GUARD = 'if ((bitcast<u32>(x) & 0x7fffffffu) > 0x7f800000u) { return x; }';

const FUNCTIONS = {
  /** The float of some bits; WGSL refuses constants that are infinite or NaN. */
  float_of_bits: { text: 'fn float_of_bits(bits: u32) -> f32 { return bitcast<f32>(bits); }' },

  // e^x = 2^k e^r with r = x - k ln 2; ln 2 in two parts, the first of 9 bits so that k times it is exact.
  exp_f32: {
    text: `fn exp_f32(x: f32) -> f32 {
  ${NAN_GUARD}
  let c = clamp(x, -104.0, 89.0);
  let k = round(c * 1.44269504);
  let r = (c - k * 0.693359375) + k * 2.12194440e-4;
  let p = 1.0 + (r + r * r * ${polynomial('r', [5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.98756915e-4])});
  // 2^k in two factors: 2^128 alone is no f32.
  let half = i32(k) >> 1u;
  return p * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(i32(k) - half + 127) << 23u);
}`,
  },

  expm1_f32: {
    uses: ['exp_f32'],
    text: `fn expm1_f32(x: f32) -> f32 {
  if (abs(x) < 0.55) {
    return x * (1.0 + x * ${polynomial('x', [0.5, 0.166666672, 0.0416666679, 0.00833309535, 0.00138885481, 0.000199930597, 2.49750046e-5])});
  }
  return exp_f32(x) - 1.0;
}`,
  },

  exp2_f32: {
    text: `fn exp2_f32(x: f32) -> f32 {
  ${NAN_GUARD}
  let c = clamp(x, -150.0, 129.0);
  let k = round(c);
  let r = (c - k) * 0.693147181;
  let p = 1.0 + (r + r * r * ${polynomial('r', [5.0000001201e-1, 1.6666665459e-1, 4.1665795894e-2, 8.3334519073e-3, 1.3981999507e-3, 1.98756915e-4])});
  let half = i32(k) >> 1u;
  return p * bitcast<f32>(u32(half + 127) << 23u) * bitcast<f32>(u32(i32(k) - half + 127) << 23u);
}`,
  },

  // x = 2^e (1 + f) with 1 + f in [sqrt 1/2, sqrt 2): (e, f, ln(1 + f) - f). x must be positive and finite.
  log_parts: {
    text: `fn log_parts(x: f32) -> vec3f {
  var bits = bitcast<u32>(x);
  var e = -127;
  // A denormal is its own bits times 2^-149, whether or not the adapter can see it.
  if (bits < 0x00800000u) { bits = bitcast<u32>(f32(bits)); e = -127 - 149; }
  e += i32(bits >> 23u);
  var m = bitcast<f32>((bits & 0x007fffffu) | 0x3f800000u);
  if (m > 1.41421356) { m = 0.5 * m; e += 1; }
  let f = m - 1.0;
  let z = f * f;
  let p = ${polynomial('f', [3.3333331174e-1, -2.4999993993e-1, 2.0000714765e-1, -1.6668057665e-1, 1.4249322787e-1, -1.2420140846e-1, 1.167699874e-1, -1.151461031e-1, 7.0376836292e-2])};
  return vec3f(f32(e), f, f * z * p - 0.5 * z);
}`,
  },

  // What the logarithms are outside (0, infinity).
  log_edge: {
    uses: ['float_of_bits'],
    text: `fn log_edge(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if ((bits & 0x7fffffffu) == 0u) { return float_of_bits(0xff800000u); }
  if (bits > 0x7f800000u) { return float_of_bits(0x7fc00000u); }
  return x;
}`,
  },

  log_f32: {
    uses: ['log_parts', 'log_edge'],
    text: `fn log_f32(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if (bits - 1u >= 0x7f7fffffu) { return log_edge(x); }
  let parts = log_parts(x);
  return (parts.y + (parts.z - parts.x * 2.12194440e-4)) + parts.x * 0.693359375;
}`,
  },

  log2_f32: {
    uses: ['log_parts', 'log_edge'],
    text: `fn log2_f32(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  if (bits - 1u >= 0x7f7fffffu) { return log_edge(x); }
  let parts = log_parts(x);
  // log2 e = 1 + 0.44269504: the 1 costs no rounding.
  return ((parts.z * 0.442695041 + parts.y * 0.442695041) + parts.z + parts.y) + parts.x;
}`,
  },

  // ln(1 + x) = 2 artanh(x / (2 + x)); away from 0 the rounding of 1 + x does not matter.
  log1p_f32: {
    uses: ['log_f32'],
    text: `fn log1p_f32(x: f32) -> f32 {
  if (abs(x) < 1e-8) { return x; }
  if (abs(x) < 0.4) {
    let s = x / (2.0 + x);
    let z = s * s;
    return 2.0 * s * ${polynomial('z', [1, 1 / 3, 1 / 5, 1 / 7, 1 / 9, 1 / 11, 1 / 13].map(Math.fround))};
  }
  if (x == -1.0) { return log_edge(0.0); }
  return log_f32(1.0 + x);
}`,
  },

  tanh_f32: {
    uses: ['exp_f32'],
    text: `fn tanh_f32(x: f32) -> f32 {
  ${NAN_GUARD}
  let size = abs(x);
  if (size < 0.625) {
    let z = x * x;
    return x * ${polynomial('z', [1, -0.33333254, 0.133309573, -0.0537070669, 0.0205449052, -0.0056076888])};
  }
  let y = 1.0 - 2.0 / (exp_f32(min(2.0 * size, 40.0)) + 1.0);
  return select(y, -y, x < 0.0);
}`,
  },

  sinh_f32: {
    uses: ['exp_f32'],
    text: `fn sinh_f32(x: f32) -> f32 {
  ${NAN_GUARD}
  let size = abs(x);
  if (size < 1.0) {
    let z = x * x;
    return x * ${polynomial('z', [1, 0.166666657, 0.00833335333, 0.000198357113, 2.81902908e-6])};
  }
  // e^|x| / 2 in two factors: e^|x| alone overflows before it.
  let scale = select(1.0, 485165195.0, size > 40.0);
  let e = exp_f32(select(size, size - 20.0, size > 40.0));
  let y = (0.5 * e) * scale - 0.5 / e;
  return select(y, -y, x < 0.0);
}`,
  },

  cosh_f32: {
    uses: ['exp_f32'],
    text: `fn cosh_f32(x: f32) -> f32 {
  let size = abs(x);
  let scale = select(1.0, 485165195.0, size > 40.0);
  let e = exp_f32(select(size, size - 20.0, size > 40.0));
  return (0.5 * e) * scale + 0.5 / e;
}`,
  },

  sigmoid_f32: {
    uses: ['exp_f32'],
    text: 'fn sigmoid_f32(x: f32) -> f32 { return 1.0 / (1.0 + exp_f32(-x)); }',
  },

  // ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|)
  softplus_f32: {
    uses: ['exp_f32', 'log1p_f32'],
    text: `fn softplus_f32(x: f32) -> f32 {
  ${NAN_GUARD}
  return max(x, 0.0) + log1p_f32(exp_f32(-abs(x)));
}`,
  },

  log_sigmoid: {
    uses: ['softplus_f32'],
    text: 'fn log_sigmoid(x: T) -> T { let y = -x; return -EACH(softplus_f32, y); }',
  },

  // The share of x that gelu lets through: (1 + erf(x / sqrt 2)) / 2 = erfc(-x / sqrt 2) / 2, relative even where small.
  gelu_share: {
    uses: ['erfc_f32'],
    text: 'fn gelu_share(x: T) -> T { let y = x * T(-0.707106781); return T(0.5) * EACH(erfc_f32, y); }',
  },

  // (1 + tanh u) / 2 = sigmoid(2 u)
  gelu_tanh_share: {
    uses: ['sigmoid_f32'],
    text: `fn gelu_tanh_share(x: T) -> T {
  let y = T(1.59576912) * (x + T(0.044715) * x * x * x);
  return EACH(sigmoid_f32, y);
}`,
  },

  erf_f32: {
    uses: ['erfc_tail'],
    text: `fn erf_f32(x: f32) -> f32 {
  ${NAN_GUARD}
  let size = abs(x);
  if (size < 1.0) { return x * erf_series(x * x); }
  let y = 1.0 - erfc_tail(size);
  return select(y, -y, x < 0.0);
}`,
  },

  erfc_f32: {
    uses: ['erfc_tail'],
    text: `fn erfc_f32(x: f32) -> f32 {
  ${NAN_GUARD}
  let size = abs(x);
  if (size < 0.5) { return 1.0 - x * erf_series(x * x); }
  let y = erfc_tail(size);
  return select(y, 2.0 - y, x < 0.0);
}`,
  },

  // erf(x) / x for x^2 = z below 1.
  erf_series: {
    text: `fn erf_series(z: f32) -> f32 {
  return ${polynomial('z', [1.12837923, -0.376126379, 0.112837829, -0.0268654376, 0.00522105349, -0.00084843964, 0.000112682537, -9.67359119e-6])};
}`,
  },

  // erfc(x) = e^(-x^2) g(q) / (1 + 2 x) with q = (x - 2) / (x + 2), for x from 0.5 on.
  erfc_tail: {
    uses: ['exp_f32', 'erf_series'],
    text: `fn erfc_tail(x: f32) -> f32 {
  if (x > 10.2) { return 0.0; }
  let q = (x - 2.0) / (x + 2.0);
  let g = ${polynomial('q', [1.27697837, -0.0927638188, -0.166030347, 0.164050713, -0.0542211756, -0.00802577101, 0.00873164926, 0.00122179755, -0.00148378732, -0.000318904786, 0.000231943006])};
  // x^2 must be exact to 2^-24 in absolute terms: the square of its upper 12 bits is exact, the rest is small.
  let upper = bitcast<f32>(bitcast<u32>(x) & 0xfffff000u);
  return exp_f32(-upper * upper) * exp_f32((upper - x) * (upper + x)) * g / (1.0 + 2.0 * x);
}`,
  },

  // (r, quarter) with x = quarter pi / 2 + r + whole turns and |r| <= pi / 4, by integers: bits of 2 / pi that
  // give whole turns are left out, and the 96 bits after them are multiplied.
  turn_reduce: {
    uses: ['multiply_high', 'float_of_bits'],
    text: `fn turn_reduce(x: f32) -> vec2f {
  let bits = bitcast<u32>(x);
  let size = bits & 0x7fffffffu;
  // Below pi / 4, nothing to do; what is not finite has no sine.
  if (size < 0x3f490fdbu) { return vec2f(x, 0.0); }
  if (size >= 0x7f800000u) { return vec2f(float_of_bits(0x7fc00000u), 0.0); }
  // 2 / pi after 64 zero bits, so that small x find something to skip.
  let table = array<u32, 9>(0u, 0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu);
  let start = (size >> 23u) - 127u + 31u;
  let i = start >> 5u;
  let by = start & 31u;
  let m = (bits << 8u) | 0x80000000u;
  // Shifting by 32 - 0 bits would be undefined: shift by one and by the rest.
  let high = (table[i] << by) | ((table[i + 1u] >> 1u) >> (31u - by));
  let middle = (table[i + 1u] << by) | ((table[i + 2u] >> 1u) >> (31u - by));
  let low = (table[i + 2u] << by) | ((table[i + 3u] >> 1u) >> (31u - by));
  let m0 = multiply_high(m, low);
  let m1 = m * middle;
  var p1 = m1 + m0;
  var p2 = m * high + multiply_high(m, middle) + select(0u, 1u, p1 < m1);
  // The top two bits count quarter turns; round to the nearest.
  let quarter = (p2 + 0x20000000u) >> 30u;
  p2 -= quarter << 30u;
  let isNegative = p2 >= 0x80000000u;
  if (isNegative) {
    p1 = ~p1 + 1u;
    p2 = ~p2 + select(0u, 1u, p1 == 0u);
  }
  let r = (f32(p2) * 9.31322575e-10 + f32(p1) * 2.16840434e-19) * 1.57079633;
  let isBackwards = bits >= 0x80000000u;
  return vec2f(select(r, -r, isNegative != isBackwards), f32(select(quarter, 4u - quarter, isBackwards) & 3u));
}`,
  },

  multiply_high: {
    text: `fn multiply_high(a: u32, b: u32) -> u32 {
  let aLow = a & 0xffffu; let aHigh = a >> 16u;
  let bLow = b & 0xffffu; let bHigh = b >> 16u;
  let mid = aHigh * bLow + ((aLow * bLow) >> 16u);
  let crossed = aLow * bHigh + (mid & 0xffffu);
  return aHigh * bHigh + (mid >> 16u) + (crossed >> 16u);
}`,
  },

  sin_octant: {
    text: `fn sin_octant(r: f32) -> f32 {
  let z = r * r;
  return r * ${polynomial('z', [1, -1.6666654611e-1, 8.3321608736e-3, -1.9515295891e-4])};
}`,
  },

  cos_octant: {
    text: `fn cos_octant(r: f32) -> f32 {
  let z = r * r;
  return (1.0 - 0.5 * z) + z * z * ${polynomial('z', [4.166664568298827e-2, -1.388731625493765e-3, 2.443315711809948e-5])};
}`,
  },

  sin_f32: {
    uses: ['turn_reduce', 'sin_octant', 'cos_octant'],
    text: `fn sin_f32(x: f32) -> f32 {
  let turn = turn_reduce(x);
  let quarter = u32(turn.y);
  var y = sin_octant(turn.x);
  if ((quarter & 1u) == 1u) { y = cos_octant(turn.x); }
  return select(y, -y, quarter >= 2u);
}`,
  },

  cos_f32: {
    uses: ['turn_reduce', 'sin_octant', 'cos_octant'],
    text: `fn cos_f32(x: f32) -> f32 {
  let turn = turn_reduce(x);
  let quarter = u32(turn.y);
  var y = cos_octant(turn.x);
  if ((quarter & 1u) == 1u) { y = sin_octant(turn.x); }
  return select(y, -y, ((quarter + 1u) & 3u) >= 2u);
}`,
  },

  tan_f32: {
    uses: ['turn_reduce', 'sin_octant', 'cos_octant'],
    text: `fn tan_f32(x: f32) -> f32 {
  let turn = turn_reduce(x);
  let quarter = u32(turn.y);
  let s = sin_octant(turn.x);
  let c = cos_octant(turn.x);
  if ((quarter & 1u) == 1u) { return -c / s; }
  return s / c;
}`,
  },

  atan_f32: {
    text: `fn atan_f32(x: f32) -> f32 {
  ${NAN_GUARD}
  let size = abs(x);
  var base = 0.0;
  var t = size;
  if (size > 2.41421356) { base = 1.57079633; t = -1.0 / size; }
  else if (size > 0.414213562) { base = 0.785398163; t = (size - 1.0) / (size + 1.0); }
  let z = t * t;
  let y = base + t * ${polynomial('z', [1, -3.33329491539e-1, 1.99777106478e-1, -1.38776856032e-1, 8.05374449538e-2])};
  // Of the bits, so that -0 stays -0.
  return bitcast<f32>(bitcast<u32>(y) | (bitcast<u32>(x) & 0x80000000u));
}`,
  },

  // asin(x) for |x| <= 1/2.
  asin_series: {
    text: `fn asin_series(x: f32) -> f32 {
  let z = x * x;
  return x * ${polynomial('z', [1, 1.6666752422e-1, 7.4953002686e-2, 4.5470025998e-2, 2.4181311049e-2, 4.2163199048e-2])};
}`,
  },

  asin_f32: {
    uses: ['asin_series', 'float_of_bits'],
    text: `fn asin_f32(x: f32) -> f32 {
  ${NAN_GUARD}
  let size = abs(x);
  if (size > 1.0) { return float_of_bits(0x7fc00000u); }
  if (size <= 0.5) { return asin_series(x); }
  let y = 1.57079633 - 2.0 * asin_series(sqrt(0.5 * (1.0 - size)));
  return select(y, -y, x < 0.0);
}`,
  },

  acos_f32: {
    uses: ['asin_series', 'float_of_bits'],
    text: `fn acos_f32(x: f32) -> f32 {
  ${NAN_GUARD}
  let size = abs(x);
  if (size > 1.0) { return float_of_bits(0x7fc00000u); }
  if (size <= 0.5) { return 1.57079633 - asin_series(x); }
  let y = 2.0 * asin_series(sqrt(0.5 * (1.0 - size)));
  return select(y, 3.14159265 - y, x < 0.0);
}`,
  },
} as const satisfies Record<string, MathFunction>;

export type MathFunctionName = keyof typeof FUNCTIONS;

/** WGSL text of the named functions and of those that they call. */
export function mathFunctions(...names: readonly MathFunctionName[]): string {
  const found = new Set<MathFunctionName>();
  const visit = (name: MathFunctionName): void => {
    if (found.has(name)) return;
    const { uses = [] }: MathFunction = FUNCTIONS[name];
    for (const used of uses) visit(used as MathFunctionName);
    found.add(name);
  };
  for (const name of names) visit(name);
  return [...found].map((name) => `${FUNCTIONS[name].text}\n`).join('');
}
