import { erfc64 } from './error-function.ts';
import type { UnaryRow } from './unary-row.ts';

const sigmoidOf = (x: number): number => 1 / (1 + Math.exp(-x));
const softplusOf = (x: number): number => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));

const SQRT_HALF = Math.SQRT1_2;
/** 2 sqrt(2 / pi): gelu's tanh form is x sigmoid(2 u) with u = sqrt(2 / pi) (x + 0.044715 x^3). */
const TWICE_SCALE = 2 * Math.sqrt(2 / Math.PI);

/** Activations of one operand, without overflow where the value is finite. */
export const UNARY_ACTIVATIONS = {
  sigmoid: {
    doc: 'y = 1 / (1 + e^-x)',
    expr: 'EACH(sigmoid_f32, x0)',
    functions: ['sigmoid_f32'],
    reference: sigmoidOf,
  },
  logSigmoid: {
    doc: 'y = ln sigmoid(x) = -softplus(-x)',
    expr: 'log_sigmoid(x0)',
    functions: ['log_sigmoid'],
    reference: (x) => -softplusOf(-x),
  },
  silu: {
    doc: 'y = x sigmoid(x)',
    expr: 'x0 * EACH(sigmoid_f32, x0)',
    functions: ['sigmoid_f32'],
    reference: (x) => x * sigmoidOf(x),
  },
  gelu: {
    doc: 'y = x (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel, "Gaussian error linear units", 2016)',
    expr: 'x0 * gelu_share(x0)',
    functions: ['gelu_share'],
    reference: (x) => 0.5 * x * erfc64(-x * SQRT_HALF),
  },
  geluTanh: {
    doc: 'y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, an approximation of gelu',
    expr: 'x0 * gelu_tanh_share(x0)',
    functions: ['gelu_tanh_share'],
    reference: (x) => x * sigmoidOf(TWICE_SCALE * (x + 0.044715 * x ** 3)),
  },
  softplus: {
    doc: 'y = ln(1 + e^x)',
    expr: 'EACH(softplus_f32, x0)',
    functions: ['softplus_f32'],
    reference: softplusOf,
  },
  relu: {
    doc: 'y = max(x, 0); NaN of NaN; the gradient at 0 is 0',
    expr: 'select(x0, T(0.0), x0 < T(0.0))',
    ints: 'max(x0, T(0))',
    kind: 'number',
    reference: (x) => Math.max(x, 0),
    domain: (x) => x + Math.sign(x) * 0.05,
    tolerance: 'exact',
  },
} as const satisfies Record<string, UnaryRow>;
