import { DTYPES, type DType, holdsNumber, isFloat, promoteNumber, promoteTypes } from '../dtype.ts';
import { ToolError } from '../errors.ts';
import type { ElementwiseExpression } from '../kernels/elementwise-expression.ts';
import { applyOp, type OpDef, type OpSample, type RefArray } from '../op.ts';
import { type ScalarLike, scalarValue } from '../scalar.ts';
import { broadcastShapes } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { affine } from './affine.ts';
import { BINARY_ROWS, type BinaryName, type BinaryRow } from './binary-rows.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { forEachBroadcast, normalArray, refArray, stored } from './reference.ts';

/** Of an op between a tensor and a number: the number, and whether it is the left operand. */
export interface NumberOperand {
  readonly number: ScalarLike;
  readonly onLeft?: boolean;
}

/** Undefined between two tensors. */
export type BinaryAttrs = NumberOperand | undefined;

/** The type that the operands are computed in, before the op's own rule. */
function commonType(dtypes: readonly DType[], attrs: BinaryAttrs): DType {
  if (attrs === undefined) return promoteTypes(dtypes[0]!, dtypes[1]!);
  // A cell may come to hold a fraction.
  if (typeof attrs.number !== 'number') return isFloat(dtypes[0]!) ? dtypes[0]! : 'f32';
  return promoteNumber(dtypes[0]!, attrs.number);
}

function resultType({ kind, bools }: BinaryRow, common: DType): DType {
  if (kind === 'flag') return 'bool';
  if (isFloat(common)) return common;
  if (kind === 'float') return 'f32';
  return common === 'bool' && bools === undefined ? 'i32' : common;
}

/** The expression over two tensors that are computed in `common`. */
function expressionOf(name: BinaryName, common: DType): ElementwiseExpression {
  const row: BinaryRow = BINARY_ROWS[name];
  if (row.compute === 'bool') return { name, expr: row.expr, compute: 'bool' };
  if (common === 'bool' && row.bools !== undefined) return { name, expr: row.bools, compute: 'bool' };
  const isReal = isFloat(common) || row.kind === 'float';
  const compute = isReal ? 'f32' : common === 'u32' ? 'u32' : 'i32';
  const functions = isReal ? row.functions : row.intFunctions?.replaceAll('TYPE', compute);
  return {
    name,
    expr: isReal ? row.expr : (row.ints ?? row.expr).replaceAll('TYPE', compute),
    compute,
    ...(functions !== undefined && { functions }),
    ...(row.kind === 'flag' && { result: 'bool' }),
  };
}

/** The expression over a tensor and a number, which is a parameter: a new one compiles nothing. */
function withNumber(expression: ElementwiseExpression, onLeft: boolean): ElementwiseExpression {
  const { name, expr, compute = 'f32', functions = '' } = expression;
  const [tensor, number] = onLeft ? ['x1', 'x0'] : ['x0', 'x1'];
  const f = `${name}_${onLeft ? 'left' : 'right'}_${compute}`;
  const [type, value] = compute === 'bool' ? ['f32', 'bool(number)'] : [compute, 'number'];
  const result = expression.result === 'bool' ? 'TB' : 'T';
  return {
    ...expression,
    name: `${name}/${onLeft ? 'left' : 'right'}`,
    expr: `${f}(x0, params.number)`,
    functions: `${functions}fn ${f}(${tensor}: T, number: ${type}) -> ${result} { let ${number} = T(${value}); return ${expr}; }\n`,
    scalars: ['number'],
  };
}

function referenceOf(name: BinaryName, inputs: readonly RefArray[], attrs: BinaryAttrs): RefArray {
  const row: BinaryRow = BINARY_ROWS[name];
  const number = attrs && refArray([], [scalarValue(attrs.number)]);
  const [a, b] = number === undefined ? inputs : attrs!.onLeft === true ? [number, inputs[0]!] : [inputs[0]!, number];
  const common = commonType(
    inputs.map(({ dtype }) => dtype ?? 'f32'),
    attrs,
  );
  const f = isFloat(common) || row.kind === 'float' ? row.reference : (row.intReference ?? row.reference);
  const shape = broadcastShapes(name, a!.shape, b!.shape);
  const data: number[] = [];
  forEachBroadcast(shape, [a!.shape, b!.shape], (_, [i, j]) => data.push(f(a!.data[i!]!, b!.data[j!]!)));
  const dtype = resultType(row, common);
  return stored(shape, dtype === 'bool' ? data.map((value) => (value === 0 ? 0 : 1)) : data, dtype);
}

function samplesOf({ domainA, domain, kind }: BinaryRow): OpSample<BinaryAttrs>[] {
  const inDomain = (array: RefArray, map: ((x: number) => number) | undefined): RefArray =>
    map === undefined
      ? array
      : refArray(
          array.shape,
          array.data.map((x) => Math.fround(map(x))),
        );
  const sample = (name: string, a: RefArray, b: RefArray): OpSample<BinaryAttrs> => ({
    name,
    inputs: [inDomain(a, domainA), inDomain(b, domain)],
    attrs: undefined,
  });
  const withNumber = (name: string, attrs: NumberOperand): OpSample<BinaryAttrs> => ({
    name,
    inputs: [inDomain(normalArray(25, [4, 7]), attrs.onLeft === true ? domain : domainA)],
    attrs,
  });
  const equal = normalArray(26, [3, 5]);
  return [
    sample('same shape', normalArray(11, [4, 8]), normalArray(12, [4, 8])),
    sample('row broadcast', normalArray(13, [5, 12]), normalArray(14, [12])),
    sample('column broadcast', normalArray(15, [5, 12]), normalArray(16, [5, 1])),
    sample('both broadcast', normalArray(17, [3, 1, 7]), normalArray(18, [5, 1])),
    sample('scalar', normalArray(19, [9]), normalArray(20, [])),
    sample('rank 5', normalArray(21, [2, 1, 3, 1, 4]), normalArray(22, [1, 5, 3, 2, 1])),
    sample('empty', normalArray(23, [0, 4]), normalArray(24, [4])),
    withNumber('a number on the right', { number: 0.75 }),
    withNumber('a number on the left', { number: 2.5, onLeft: true }),
    withNumber('a whole number', { number: 2 }),
    ...(kind === 'flag' ? [sample('equal values', equal, equal)] : []),
  ];
}

function binaryDef(name: BinaryName): OpDef<BinaryAttrs> {
  const row: BinaryRow = BINARY_ROWS[name];
  const { tolerance, nonDifferentiable } = row;
  return {
    name,
    doc: row.doc,
    dtypes: DTYPES,
    infer: (inputs, attrs) => {
      const [a, b] = inputs;
      const common = commonType(
        inputs.map(({ dtype }) => dtype),
        attrs,
      );
      if (attrs !== undefined) checkNumber(name, common, attrs.number);
      const shape = b === undefined ? a!.shape : broadcastShapes(name, a!.shape, b.shape);
      return [{ shape, dtype: resultType(row, common) }];
    },
    run: (inputs, [out], attrs) => {
      const expression = expressionOf(
        name,
        commonType(
          inputs.map(({ dtype }) => dtype),
          attrs,
        ),
      );
      return [
        attrs === undefined
          ? launchElementwise(expression, inputs, out!)
          : launchElementwise(withNumber(expression, attrs.onLeft === true), inputs, out!, [attrs.number]),
      ];
    },
    reference: (inputs, attrs) => [referenceOf(name, inputs, attrs)],
    samples: () => samplesOf(row),
    errors: () => [
      {
        name: 'sizes differ',
        inputs: [
          { shape: [4, 3], dtype: 'f32' },
          { shape: [4], dtype: 'f32' },
        ],
        attrs: undefined,
        code: 'shape',
      },
      {
        name: 'a number that the integer type does not hold',
        inputs: [{ shape: [4], dtype: 'u32' }],
        attrs: { number: -1 },
        code: 'shape',
      },
    ],
    ...(tolerance && { tolerance }),
    ...(nonDifferentiable && { nonDifferentiable }),
  };
}

function checkNumber(op: string, dtype: DType, number: ScalarLike): void {
  const value = scalarValue(number);
  if (holdsNumber(dtype, value)) return;
  throw new ToolError('shape', {
    op,
    expected: `a number that ${dtype} holds`,
    got: String(value),
    hint: 'cast the tensor first.',
  });
}

/** The binary ops, by name. */
export const binaryOps: Readonly<Record<BinaryName, OpDef<BinaryAttrs>>> = Object.fromEntries(
  (Object.keys(BINARY_ROWS) as BinaryName[]).map((name) => [name, binaryDef(name)]),
) as Record<BinaryName, OpDef<BinaryAttrs>>;

/** A tensor, or a number that takes the tensor's element type; one of two operands must be a tensor. */
export type Operand = Tensor | ScalarLike;

/** Operands broadcast and their element types promote as in NumPy (see `promoteTypes`). */
export type Binary = (a: Operand, b: Operand) => Tensor;

function apply(name: BinaryName, a: Operand, b: Operand): Tensor {
  const op = binaryOps[name];
  if (a instanceof Tensor) {
    return b instanceof Tensor ? applyOp(op, [a, b], undefined)[0]! : applyOp(op, [a], { number: b })[0]!;
  }
  if (b instanceof Tensor) return applyOp(op, [b], { number: a, onLeft: true })[0]!;
  throw new ToolError('shape', { op: name, expected: 'a tensor among the operands', got: 'two numbers' });
}

const binary =
  (name: BinaryName): Binary =>
  (a, b) =>
    apply(name, a, b);

/** y = scale x + shift, by an op that has parameters for both. */
function byAffine(op: string, x: Tensor, number: ScalarLike, scale: ScalarLike, shift: ScalarLike): Tensor {
  checkNumber(op, typeof number === 'number' ? promoteNumber(x.dtype, number) : 'f32', number);
  return affine(x, scale, shift);
}

const negated = (value: ScalarLike): ScalarLike => (typeof value === 'number' ? -value : value.map((v) => -v));

/** a + b. Of two bools, a or b. */
export function add(a: Operand, b: Operand): Tensor {
  if (a instanceof Tensor && !(b instanceof Tensor)) return byAffine('add', a, b, 1, b);
  if (b instanceof Tensor && !(a instanceof Tensor)) return byAffine('add', b, a, 1, a);
  return apply('add', a, b);
}

/** a - b. */
export function subtract(a: Operand, b: Operand): Tensor {
  if (a instanceof Tensor && !(b instanceof Tensor)) return byAffine('subtract', a, b, 1, negated(b));
  if (b instanceof Tensor && !(a instanceof Tensor)) return byAffine('subtract', b, a, -1, a);
  return apply('subtract', a, b);
}

/** a b. Of two bools, a and b. */
export function multiply(a: Operand, b: Operand): Tensor {
  if (a instanceof Tensor && !(b instanceof Tensor)) return byAffine('multiply', a, b, b, 0);
  if (b instanceof Tensor && !(a instanceof Tensor)) return byAffine('multiply', b, a, a, 0);
  return apply('multiply', a, b);
}

/** a / b; f32 of integers and bools. */
export const divide: Binary = binary('divide');
/** The largest integer up to a / b; of integers 0 where b is 0. */
export const floorDivide: Binary = binary('floorDivide');
/** a - b floor(a / b), with the sign of b; of integers 0 where b is 0. */
export const remainder: Binary = binary('remainder');
/** a^b; NaN where a < 0 and b is no integer. Integers wrap, and give 0 where the power is a fraction. */
export const pow: Binary = binary('pow');
/** max(a, b); NaN where one is NaN. */
export const maximum: Binary = binary('maximum');
/** min(a, b); NaN where one is NaN. */
export const minimum: Binary = binary('minimum');
/** The angle of the point (b, a) in [-pi, pi]. */
export const atan2: Binary = binary('atan2');
/** True where a = b. */
export const equal: Binary = binary('equal');
/** True where a is not b, also where one is NaN. */
export const notEqual: Binary = binary('notEqual');
/** True where a < b. */
export const less: Binary = binary('less');
/** True where a <= b. */
export const lessEqual: Binary = binary('lessEqual');
/** True where a > b. */
export const greater: Binary = binary('greater');
/** True where a >= b. */
export const greaterEqual: Binary = binary('greaterEqual');
/** True where both a and b are not 0. */
export const logicalAnd: Binary = binary('logicalAnd');
/** True where a or b is not 0. */
export const logicalOr: Binary = binary('logicalOr');
/** True where exactly one of a and b is not 0. */
export const logicalXor: Binary = binary('logicalXor');
