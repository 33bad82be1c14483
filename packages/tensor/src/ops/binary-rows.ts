import type { ToleranceClass } from '../testing/tolerance.ts';
import {
  ATAN2,
  FLOOR_DIVIDE,
  FLOOR_DIVIDE_INT,
  POWER,
  POWER_INT,
  REMAINDER,
  REMAINDER_INT,
} from './binary-functions.ts';
import { isNanText, orNan } from './nan-test.ts';
import type { ResultKind } from './unary-row.ts';

/** One binary op: its WGSL over `x0` and `x1`, and the same function in float64. */
export interface BinaryRow {
  readonly doc: string;
  /** Over floats; see `ElementwiseExpression`. */
  readonly expr: string;
  readonly functions?: string;
  /** Over integers, `TYPE` for i32 or u32; default as over floats. */
  readonly ints?: string;
  readonly intFunctions?: string;
  /** Over two bools; by default they are computed as i32. */
  readonly bools?: string;
  /** The element type of the result: that of the operands (default), a float, or bool. */
  readonly kind?: ResultKind;
  /** The type that is computed in, where it is not that of the operands: bool for logical ops. */
  readonly compute?: 'bool';
  readonly reference: (a: number, b: number) => number;
  /** Over integers, before it wraps; default as over floats. */
  readonly intReference?: (a: number, b: number) => number;
  /** Map standard normal samples into the op's domain, away from jumps. */
  readonly domainA?: (a: number) => number;
  readonly domain?: (b: number) => number;
  readonly tolerance?: ToleranceClass;
  readonly nonDifferentiable?: string;
}

const COMPARISON = {
  kind: 'flag',
  tolerance: 'exact',
  nonDifferentiable: 'a comparison is constant almost everywhere',
} as const;
const someZeros = (x: number): number => (Math.abs(x) < 0.5 ? 0 : x);
const LOGIC = {
  kind: 'flag',
  compute: 'bool',
  domainA: someZeros,
  domain: someZeros,
  tolerance: 'exact',
  nonDifferentiable: 'a truth value has no gradient',
} as const;
const nonZero = (b: number): number => Math.abs(b) + 0.2;
/** Numerators away from multiples of denominators, so that no quotient lies at a jump. */
const DIVISION = {
  domainA: (a: number) => Math.floor(a * 4) + 0.3,
  domain: (b: number) => Math.sign(b || 1) * (Math.floor(Math.abs(b) * 2) + 1),
} as const;

const floorModulo = (a: number, b: number): number => {
  if (Number.isFinite(a) && Math.abs(b) === Number.POSITIVE_INFINITY) return a === 0 || a > 0 === b > 0 ? a : b;
  // JavaScript's % is exact.
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
};
const floorQuotient = (a: number, b: number): number => {
  if (Number.isFinite(a) && Math.abs(b) === Number.POSITIVE_INFINITY) return a === 0 || a > 0 === b > 0 ? 0 : -1;
  return Math.floor(a / b);
};
/** C's pow: JavaScript has NaN for 1 to an infinite or undefined power. */
const power = (a: number, b: number): number =>
  a === 1 || (a === -1 && Math.abs(b) === Number.POSITIVE_INFINITY) ? 1 : a ** b;
const wholePower = (a: number, b: number): number => {
  if (b < 0) return Math.abs(a) === 1 ? a ** b : 0;
  return Number(BigInt.asIntN(32, BigInt(a) ** BigInt(b)));
};

export const BINARY_ROWS = {
  add: {
    doc: 'y = a + b; of two bools a or b',
    expr: 'x0 + x1',
    bools: 'x0 | x1',
    reference: (a, b) => a + b,
    tolerance: 'elementwise',
  },
  subtract: { doc: 'y = a - b', expr: 'x0 - x1', reference: (a, b) => a - b, tolerance: 'elementwise' },
  multiply: {
    doc: 'y = a b; of two bools a and b',
    expr: 'x0 * x1',
    bools: 'x0 & x1',
    reference: (a, b) => a * b,
    intReference: Math.imul,
    tolerance: 'elementwise',
  },
  divide: {
    doc: 'y = a / b; of integers f32',
    expr: 'x0 / x1',
    kind: 'float',
    reference: (a, b) => a / b,
    domain: nonZero,
    tolerance: 'elementwise',
  },
  floorDivide: {
    doc: 'y = the largest integer up to a / b; of integers 0 where b is 0',
    expr: 'EACH(floor_divide_f32, x0, x1)',
    functions: FLOOR_DIVIDE,
    ints: 'EACH(floor_divide_TYPE, x0, x1)',
    intFunctions: FLOOR_DIVIDE_INT,
    reference: floorQuotient,
    intReference: (a, b) => (b === 0 ? 0 : Math.floor(a / b)),
    ...DIVISION,
    tolerance: 'exact',
    nonDifferentiable: 'it is constant between its steps',
  },
  remainder: {
    doc: 'y = a - b floor(a / b), with the sign of b; of integers 0 where b is 0',
    expr: 'EACH(remainder_f32, x0, x1)',
    functions: REMAINDER,
    ints: 'EACH(remainder_TYPE, x0, x1)',
    intFunctions: REMAINDER_INT,
    reference: floorModulo,
    intReference: (a, b) => (b === 0 ? 0 : floorModulo(a, b)),
    ...DIVISION,
    tolerance: 'elementwise',
  },
  pow: {
    doc: 'y = a^b; NaN where a < 0 and b is no integer; of integers exact with wrapping, 0 for a fraction',
    expr: 'EACH(power_f32, x0, x1)',
    functions: POWER,
    ints: 'EACH(power_TYPE, x0, x1)',
    intFunctions: POWER_INT,
    reference: power,
    intReference: wholePower,
    domainA: (a) => Math.abs(a) + 0.3,
  },
  maximum: {
    doc: 'y = max(a, b); NaN where one is NaN; where a = b each gets half of the gradient',
    expr: orNan('max(x0, x1)', 'x0', 'x1'),
    ints: 'max(x0, x1)',
    bools: 'x0 | x1',
    reference: Math.max,
    tolerance: 'exact',
  },
  minimum: {
    doc: 'y = min(a, b); NaN where one is NaN; where a = b each gets half of the gradient',
    expr: orNan('min(x0, x1)', 'x0', 'x1'),
    ints: 'min(x0, x1)',
    bools: 'x0 & x1',
    reference: Math.min,
    tolerance: 'exact',
  },
  atan2: {
    doc: 'y = the angle of the point (b, a) in [-pi, pi]',
    expr: 'EACH(atan2_f32, x0, x1)',
    functions: ATAN2,
    kind: 'float',
    reference: Math.atan2,
    domain: nonZero,
  },
  equal: { doc: 'true where a = b', expr: 'x0 == x1', reference: (a, b) => Number(a === b), ...COMPARISON },
  notEqual: {
    doc: 'true where a is not b, or one is NaN',
    // Adapters differ on NaN != NaN, and so WGSL allows.
    expr: `((x0 != x1) | ${isNanText('x0')} | ${isNanText('x1')})`,
    ints: 'x0 != x1',
    reference: (a, b) => Number(a !== b),
    ...COMPARISON,
  },
  less: { doc: 'true where a < b', expr: 'x0 < x1', reference: (a, b) => Number(a < b), ...COMPARISON },
  lessEqual: { doc: 'true where a <= b', expr: 'x0 <= x1', reference: (a, b) => Number(a <= b), ...COMPARISON },
  greater: { doc: 'true where a > b', expr: 'x0 > x1', reference: (a, b) => Number(a > b), ...COMPARISON },
  greaterEqual: { doc: 'true where a >= b', expr: 'x0 >= x1', reference: (a, b) => Number(a >= b), ...COMPARISON },
  logicalAnd: {
    doc: 'true where both a and b are not 0',
    expr: 'x0 & x1',
    reference: (a, b) => Number(a !== 0 && b !== 0),
    ...LOGIC,
  },
  logicalOr: {
    doc: 'true where a or b is not 0',
    expr: 'x0 | x1',
    reference: (a, b) => Number(a !== 0 || b !== 0),
    ...LOGIC,
  },
  logicalXor: {
    doc: 'true where exactly one of a and b is not 0',
    expr: 'x0 != x1',
    reference: (a, b) => Number((a !== 0) !== (b !== 0)),
    ...LOGIC,
  },
} as const satisfies Record<string, BinaryRow>;

export type BinaryName = keyof typeof BINARY_ROWS;
