import type { MathFunctionName } from '../kernels/lib/math.wgsl.ts';
import { erf64, erfc64 } from './error-function.ts';
import type { UnaryRow } from './unary-row.ts';

/** A row whose kernel is one function of kernels/lib/math.wgsl.ts. */
function row<Name extends MathFunctionName>(
  name: Name,
  doc: string,
  reference: (x: number) => number,
  domain?: (x: number) => number,
): UnaryRow {
  return { doc, expr: `EACH(${name}, x0)`, functions: [name], reference, ...(domain && { domain }) };
}

const positive = (x: number): number => Math.abs(x) + 0.1;
const insideOne = (x: number): number => 0.95 * Math.sin(x);

/** Exponentials, logarithms and trigonometry; accuracy as in kernels/lib/math.wgsl.ts. */
export const UNARY_FUNCTIONS = {
  exp: row('exp_f32', 'y = e^x', Math.exp),
  exp2: row('exp2_f32', 'y = 2^x', (x) => 2 ** x),
  expm1: row('expm1_f32', 'y = e^x - 1, exact near 0', Math.expm1),
  log: row('log_f32', 'y = ln x; -Infinity at 0, NaN below', Math.log, positive),
  log2: row('log2_f32', 'y = log2 x; -Infinity at 0, NaN below', Math.log2, positive),
  log1p: row('log1p_f32', 'y = ln(1 + x), exact near 0', Math.log1p, (x) => Math.abs(x) - 0.8),
  sin: row('sin_f32', 'y = sin x, x in radians of any size', Math.sin),
  cos: row('cos_f32', 'y = cos x, x in radians of any size', Math.cos),
  tan: row('tan_f32', 'y = tan x, x in radians of any size', Math.tan, (x) => 1.2 * Math.sin(x)),
  asin: row('asin_f32', 'y = arcsin x in [-pi/2, pi/2]; NaN outside [-1, 1]', Math.asin, insideOne),
  acos: row('acos_f32', 'y = arccos x in [0, pi]; NaN outside [-1, 1]', Math.acos, insideOne),
  atan: row('atan_f32', 'y = arctan x in [-pi/2, pi/2]', Math.atan),
  sinh: row('sinh_f32', 'y = (e^x - e^-x) / 2', Math.sinh),
  cosh: row('cosh_f32', 'y = (e^x + e^-x) / 2', Math.cosh),
  tanh: row('tanh_f32', 'y = tanh x', Math.tanh),
  erf: row('erf_f32', 'y = erf x = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x', erf64),
  erfc: row('erfc_f32', 'y = 1 - erf x, without cancellation for large x', erfc64),
} as const satisfies Record<string, UnaryRow>;
