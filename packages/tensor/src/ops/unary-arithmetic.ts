import { isFiniteText, isInfText, isNanText } from './nan-test.ts';
import type { UnaryRow } from './unary-row.ts';

const awayFromZero = (x: number): number => x + Math.sign(x) * 0.05;
const awayFromSteps = (x: number): number => Math.floor(x) + 0.3;
const STEPS = 'it is constant between its steps';
const FLAG = 'a truth value has no gradient';

/** The nearest integer, halves to the even one. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Arithmetic, rounding and tests of one operand. */
export const UNARY_ARITHMETIC = {
  negate: {
    doc: 'y = -x; a u32 wraps',
    expr: '-x0',
    ints: 'T(0) - x0',
    kind: 'number',
    reference: (x) => -x,
    tolerance: 'elementwise',
  },
  abs: {
    doc: 'y = |x|; the gradient at 0 is 0',
    expr: 'abs(x0)',
    ints: 'abs(x0)',
    kind: 'number',
    reference: Math.abs,
    domain: awayFromZero,
    tolerance: 'exact',
  },
  square: {
    doc: 'y = x^2',
    expr: 'x0 * x0',
    ints: 'x0 * x0',
    kind: 'number',
    reference: (x) => x * x,
    tolerance: 'elementwise',
  },
  sign: {
    doc: 'y = -1, 0 or 1 as x is below, at or above 0; NaN of NaN',
    expr: `select(sign(x0), x0, ${isNanText('x0')})`,
    ints: 'T(x0 > T(0)) - T(x0 < T(0))',
    kind: 'number',
    reference: Math.sign,
    domain: awayFromZero,
    tolerance: 'exact',
    nonDifferentiable: STEPS,
  },
  floor: {
    doc: 'y = the largest integer up to x',
    expr: 'floor(x0)',
    ints: 'x0',
    kind: 'number',
    reference: Math.floor,
    domain: awayFromSteps,
    tolerance: 'exact',
    nonDifferentiable: STEPS,
  },
  ceil: {
    doc: 'y = the smallest integer from x on',
    expr: 'ceil(x0)',
    ints: 'x0',
    kind: 'number',
    reference: Math.ceil,
    domain: awayFromSteps,
    tolerance: 'exact',
    nonDifferentiable: STEPS,
  },
  round: {
    doc: 'y = the integer nearest to x, halves to the even one',
    expr: 'round(x0)',
    ints: 'x0',
    kind: 'number',
    reference: roundHalfEven,
    domain: awayFromSteps,
    tolerance: 'exact',
    nonDifferentiable: STEPS,
  },
  trunc: {
    doc: 'y = x without its fraction',
    expr: 'trunc(x0)',
    ints: 'x0',
    kind: 'number',
    reference: Math.trunc,
    domain: awayFromSteps,
    tolerance: 'exact',
    nonDifferentiable: STEPS,
  },
  reciprocal: {
    doc: 'y = 1 / x',
    expr: 'T(1.0) / x0',
    reference: (x) => 1 / x,
    domain: (x) => Math.abs(x) + 0.2,
    tolerance: 'elementwise',
  },
  sqrt: {
    doc: 'y = x^(1/2); NaN below 0',
    expr: 'sqrt(x0)',
    reference: Math.sqrt,
    domain: (x) => Math.abs(x) + 0.1,
    tolerance: 'elementwise',
  },
  rsqrt: {
    doc: 'y = x^(-1/2); NaN below 0',
    expr: 'inverseSqrt(x0)',
    reference: (x) => 1 / Math.sqrt(x),
    domain: (x) => Math.abs(x) + 0.1,
    tolerance: 'elementwise',
  },
  isNan: {
    doc: 'true where x is NaN',
    expr: isNanText('x0'),
    kind: 'flag',
    compute: 'f32',
    reference: (x) => Number(Number.isNaN(x)),
    tolerance: 'exact',
    nonDifferentiable: FLAG,
  },
  isInf: {
    doc: 'true where x is infinite',
    expr: isInfText('x0'),
    kind: 'flag',
    compute: 'f32',
    reference: (x) => Number(Math.abs(x) === Number.POSITIVE_INFINITY),
    tolerance: 'exact',
    nonDifferentiable: FLAG,
  },
  isFinite: {
    doc: 'true where x is neither infinite nor NaN',
    expr: isFiniteText('x0'),
    kind: 'flag',
    compute: 'f32',
    reference: (x) => Number(Number.isFinite(x)),
    tolerance: 'exact',
    nonDifferentiable: FLAG,
  },
  logicalNot: {
    doc: 'true where x is 0 or false',
    expr: '!x0',
    kind: 'flag',
    compute: 'bool',
    reference: (x) => Number(x === 0),
    tolerance: 'exact',
    nonDifferentiable: FLAG,
  },
} as const satisfies Record<string, UnaryRow>;
