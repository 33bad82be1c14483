import { DTYPES, type DType, isFloat } from '../dtype.ts';
import type { ElementwiseExpression } from '../kernels/elementwise-expression.ts';
import { mathFunctions } from '../kernels/lib/math.wgsl.ts';
import type { OpDef, RefArray } from '../op.ts';
import { applyOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray, stored } from './reference.ts';
import { UNARY_ACTIVATIONS } from './unary-activations.ts';
import { UNARY_ARITHMETIC } from './unary-arithmetic.ts';
import { UNARY_FUNCTIONS } from './unary-functions.ts';
import type { UnaryRow } from './unary-row.ts';

const ROWS = { ...UNARY_ARITHMETIC, ...UNARY_FUNCTIONS, ...UNARY_ACTIVATIONS } satisfies Record<string, UnaryRow>;

export type UnaryName = keyof typeof ROWS;

/** The element type of the result. */
function resultType({ kind }: UnaryRow, dtype: DType): DType {
  if (kind === 'flag') return 'bool';
  if (isFloat(dtype)) return dtype;
  if (kind === 'number') return dtype === 'bool' ? 'i32' : dtype;
  return 'f32';
}

/** The expression over an operand of `dtype`. */
function expressionOf(name: UnaryName, dtype: DType): ElementwiseExpression {
  const row: UnaryRow = ROWS[name];
  if (row.kind === 'number' && !isFloat(dtype)) {
    return { name, expr: row.ints!, compute: dtype === 'u32' ? 'u32' : 'i32' };
  }
  return {
    name,
    expr: row.expr,
    compute: row.compute ?? 'f32',
    ...(row.functions && { functions: mathFunctions(...row.functions) }),
    ...(row.kind === 'flag' && { result: 'bool' }),
  };
}

function unaryDef(name: UnaryName): OpDef<undefined> {
  const row: UnaryRow = ROWS[name];
  const inDomain = (array: RefArray): RefArray =>
    refArray(
      array.shape,
      array.data.map((x) => Math.fround((row.domain ?? ((v) => v))(x))),
    );
  const sample = (label: string, array: RefArray): { name: string; inputs: RefArray[]; attrs: undefined } => ({
    name: label,
    inputs: [inDomain(array)],
    attrs: undefined,
  });
  return {
    name,
    doc: row.doc,
    dtypes: DTYPES,
    infer: ([x]) => [{ shape: x!.shape, dtype: resultType(row, x!.dtype) }],
    run: ([x], [out]) => [launchElementwise(expressionOf(name, x!.dtype), [x!], out!)],
    reference: ([x]) => [stored(x!.shape, x!.data.map(row.reference), resultType(row, x!.dtype ?? 'f32'))],
    samples: () => [
      sample('scalar', normalArray(1, [])),
      sample('vector of vec4s', normalArray(2, [256])),
      sample('odd matrix', normalArray(3, [7, 13])),
      sample('large values', normalArray(4, [33], 8)),
      sample('empty', normalArray(5, [3, 0, 2])),
    ],
    errors: () => [],
    ...(row.tolerance && { tolerance: row.tolerance }),
    ...(row.nonDifferentiable && { nonDifferentiable: row.nonDifferentiable }),
  };
}

/** The unary ops, by name. */
export const unaryOps: Readonly<Record<UnaryName, OpDef<undefined>>> = Object.fromEntries(
  (Object.keys(ROWS) as UnaryName[]).map((name) => [name, unaryDef(name)]),
) as Record<UnaryName, OpDef<undefined>>;

/** An op on each element. The result has the shape of x; its type is in the sentence of the op. */
export type Unary = (x: Tensor) => Tensor;

const apply =
  (name: UnaryName): Unary =>
  (x) =>
    applyOp(unaryOps[name], [x], undefined)[0]!;

/** y = -x; a u32 wraps. */
export const negate: Unary = apply('negate');
/** y = |x|; the gradient at 0 is 0. */
export const abs: Unary = apply('abs');
/** y = x^2. */
export const square: Unary = apply('square');
/** y = -1, 0 or 1 as x is below, at or above 0; NaN of NaN. */
export const sign: Unary = apply('sign');
/** y = the largest integer up to x. */
export const floor: Unary = apply('floor');
/** y = the smallest integer from x on. */
export const ceil: Unary = apply('ceil');
/** y = the integer nearest to x, halves to the even one. */
export const round: Unary = apply('round');
/** y = x without its fraction. */
export const trunc: Unary = apply('trunc');
/** y = 1 / x. */
export const reciprocal: Unary = apply('reciprocal');
/** y = x^(1/2); NaN below 0. */
export const sqrt: Unary = apply('sqrt');
/** y = x^(-1/2); NaN below 0. */
export const rsqrt: Unary = apply('rsqrt');
/** true where x is NaN. */
export const isNan: Unary = apply('isNan');
/** true where x is infinite. */
export const isInf: Unary = apply('isInf');
/** true where x is neither infinite nor NaN. */
const finite: Unary = apply('isFinite');

export { finite as isFinite };
/** true where x is 0 or false. */
export const logicalNot: Unary = apply('logicalNot');
/** y = e^x. */
export const exp: Unary = apply('exp');
/** y = 2^x. */
export const exp2: Unary = apply('exp2');
/** y = e^x - 1, exact near 0. */
export const expm1: Unary = apply('expm1');
/** y = ln x; -Infinity at 0, NaN below. */
export const log: Unary = apply('log');
/** y = log2 x; -Infinity at 0, NaN below. */
export const log2: Unary = apply('log2');
/** y = ln(1 + x), exact near 0. */
export const log1p: Unary = apply('log1p');
/** y = sin x, x in radians of any size. */
export const sin: Unary = apply('sin');
/** y = cos x, x in radians of any size. */
export const cos: Unary = apply('cos');
/** y = tan x, x in radians of any size. */
export const tan: Unary = apply('tan');
/** y = arcsin x in [-pi/2, pi/2]; NaN outside [-1, 1]. */
export const asin: Unary = apply('asin');
/** y = arccos x in [0, pi]; NaN outside [-1, 1]. */
export const acos: Unary = apply('acos');
/** y = arctan x in [-pi/2, pi/2]. */
export const atan: Unary = apply('atan');
/** y = (e^x - e^-x) / 2. */
export const sinh: Unary = apply('sinh');
/** y = (e^x + e^-x) / 2. */
export const cosh: Unary = apply('cosh');
/** y = tanh x. */
export const tanh: Unary = apply('tanh');
/** y = erf x = 2 / sqrt(pi) times the integral of e^(-t^2) from 0 to x. */
export const erf: Unary = apply('erf');
/** y = 1 - erf x, without cancellation for large x. */
export const erfc: Unary = apply('erfc');
/** y = 1 / (1 + e^-x). */
export const sigmoid: Unary = apply('sigmoid');
/** y = ln sigmoid(x) = -softplus(-x). */
export const logSigmoid: Unary = apply('logSigmoid');
/** y = x sigmoid(x). */
export const silu: Unary = apply('silu');
/** y = x (1 + erf(x / sqrt 2)) / 2 (Hendrycks and Gimpel, "Gaussian error linear units", 2016). */
export const gelu: Unary = apply('gelu');
/** y = x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, an approximation of gelu. */
export const geluTanh: Unary = apply('geluTanh');
/** y = ln(1 + e^x). */
export const softplus: Unary = apply('softplus');
/** y = max(x, 0); NaN of NaN; the gradient at 0 is 0. */
export const relu: Unary = apply('relu');
