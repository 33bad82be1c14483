import type { OpDef, RefArray } from '../op.ts';
import { applyOp } from '../op.ts';
import type { Tensor } from '../tensor.ts';
import type { ToleranceClass } from '../testing/tolerance.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { normalArray, refArray } from './reference.ts';

interface UnaryRow {
  readonly doc: string;
  readonly expr: string;
  readonly functions?: string;
  readonly reference: (x: number) => number;
  /** Maps standard normal samples into the op's domain. */
  readonly domain?: (x: number) => number;
  readonly tolerance?: ToleranceClass;
}

const sigmoidOf = (x: number): number => 1 / (1 + Math.exp(-x));

/** One line an op: its WGSL over `x0`, and the same function in float64. */
const ROWS = {
  negate: { doc: 'y = -x', expr: '-x0', reference: (x) => -x },
  exp: { doc: 'y = e^x', expr: 'exp(x0)', reference: Math.exp },
  log: { doc: 'y = ln x', expr: 'log(x0)', reference: Math.log, domain: (x) => Math.abs(x) + 0.1 },
  sqrt: { doc: 'y = x^(1/2)', expr: 'sqrt(x0)', reference: Math.sqrt, domain: (x) => Math.abs(x) + 0.1 },
  reciprocal: { doc: 'y = 1 / x', expr: 'T(1.0) / x0', reference: (x) => 1 / x, domain: (x) => Math.abs(x) + 0.2 },
  square: { doc: 'y = x^2', expr: 'x0 * x0', reference: (x) => x * x },
  abs: {
    doc: 'y = |x|; the gradient at 0 is 0',
    expr: 'abs(x0)',
    reference: Math.abs,
    domain: (x) => x + Math.sign(x) * 0.05,
  },
  tanh: { doc: 'y = tanh x', expr: 'tanh(clamp(x0, T(-20.0), T(20.0)))', reference: Math.tanh },
  sigmoid: {
    doc: 'y = 1 / (1 + e^-x), without overflow',
    expr: 'T(1.0) / (T(1.0) + exp(-x0))',
    reference: sigmoidOf,
  },
  silu: { doc: 'y = x * sigmoid(x)', expr: 'x0 / (T(1.0) + exp(-x0))', reference: (x) => x * sigmoidOf(x) },
  softplus: {
    doc: 'y = ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), without overflow',
    expr: 'max(x0, T(0.0)) + log(T(1.0) + exp(-abs(x0)))',
    reference: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  },
  relu: {
    doc: 'y = max(x, 0); the gradient at 0 is 0',
    expr: 'max(x0, T(0.0))',
    reference: (x) => Math.max(x, 0),
    domain: (x) => x + Math.sign(x) * 0.05,
  },
} satisfies Record<string, UnaryRow>;

export type UnaryName = keyof typeof ROWS;

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
    infer: ([x]) => [{ shape: x!.shape, dtype: x!.dtype }],
    run: ([x], [out]) => [
      launchElementwise({ name, expr: row.expr, ...(row.functions ? { functions: row.functions } : {}) }, [x!], out!),
    ],
    reference: ([x]) => [refArray(x!.shape, x!.data.map(row.reference))],
    samples: () => [
      sample('scalar', normalArray(1, [])),
      sample('vector of vec4s', normalArray(2, [256])),
      sample('odd matrix', normalArray(3, [7, 13])),
      sample('large values', normalArray(4, [33], 8)),
      sample('empty', normalArray(5, [3, 0, 2])),
    ],
    errors: () => [],
    ...(row.tolerance ? { tolerance: row.tolerance } : {}),
  };
}

/** The unary ops, by name. */
export const unaryOps: Readonly<Record<UnaryName, OpDef<undefined>>> = Object.fromEntries(
  (Object.keys(ROWS) as UnaryName[]).map((name) => [name, unaryDef(name)]),
) as Record<UnaryName, OpDef<undefined>>;

const apply =
  (name: UnaryName) =>
  (x: Tensor): Tensor =>
    applyOp(unaryOps[name], [x], undefined)[0]!;

export const negate: (x: Tensor) => Tensor = apply('negate');
export const exp: (x: Tensor) => Tensor = apply('exp');
export const log: (x: Tensor) => Tensor = apply('log');
export const sqrt: (x: Tensor) => Tensor = apply('sqrt');
export const reciprocal: (x: Tensor) => Tensor = apply('reciprocal');
export const square: (x: Tensor) => Tensor = apply('square');
export const abs: (x: Tensor) => Tensor = apply('abs');
export const tanh: (x: Tensor) => Tensor = apply('tanh');
export const sigmoid: (x: Tensor) => Tensor = apply('sigmoid');
export const silu: (x: Tensor) => Tensor = apply('silu');
export const softplus: (x: Tensor) => Tensor = apply('softplus');
export const relu: (x: Tensor) => Tensor = apply('relu');
