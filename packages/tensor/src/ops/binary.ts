import { applyOp, type OpDef, type RefArray } from '../op.ts';
import { broadcastShapes } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import { affine } from './affine.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { forEachBroadcast, normalArray, refArray } from './reference.ts';

interface BinaryRow {
  readonly doc: string;
  readonly expr: string;
  readonly reference: (a: number, b: number) => number;
  readonly domain?: (b: number) => number;
  readonly nonDifferentiable?: string;
}

const ROWS = {
  add: { doc: 'y = a + b', expr: 'x0 + x1', reference: (a, b) => a + b },
  subtract: { doc: 'y = a - b', expr: 'x0 - x1', reference: (a, b) => a - b },
  multiply: { doc: 'y = a * b', expr: 'x0 * x1', reference: (a, b) => a * b },
  divide: { doc: 'y = a / b', expr: 'x0 / x1', reference: (a, b) => a / b, domain: (b) => Math.abs(b) + 0.2 },
  maximum: { doc: 'y = max(a, b); where a = b the gradient goes to a', expr: 'max(x0, x1)', reference: Math.max },
  minimum: { doc: 'y = min(a, b); where a = b the gradient goes to a', expr: 'min(x0, x1)', reference: Math.min },
  greaterEqual: {
    doc: 'y = 1 where a >= b, else 0',
    expr: 'select(T(0.0), T(1.0), x0 >= x1)',
    reference: (a, b) => (a >= b ? 1 : 0),
    nonDifferentiable: 'a comparison is constant almost everywhere',
  },
} satisfies Record<string, BinaryRow>;

export type BinaryName = keyof typeof ROWS;

function binaryDef(name: BinaryName): OpDef<undefined> {
  const row: BinaryRow = ROWS[name];
  const second = (array: RefArray): RefArray =>
    refArray(
      array.shape,
      array.data.map((x) => Math.fround((row.domain ?? ((v) => v))(x))),
    );
  const sample = (label: string, a: RefArray, b: RefArray): { name: string; inputs: RefArray[]; attrs: undefined } => ({
    name: label,
    inputs: [a, second(b)],
    attrs: undefined,
  });
  return {
    name,
    doc: row.doc,
    infer: ([a, b]) => [{ shape: broadcastShapes(name, a!.shape, b!.shape), dtype: a!.dtype }],
    run: ([a, b], [out]) => [launchElementwise({ name, expr: row.expr }, [a!, b!], out!)],
    reference: ([a, b]) => {
      const shape = broadcastShapes(name, a!.shape, b!.shape);
      const data: number[] = [];
      forEachBroadcast(shape, [a!.shape, b!.shape], (_, [i, j]) =>
        data.push(row.reference(a!.data[i!]!, b!.data[j!]!)),
      );
      return [refArray(shape, data)];
    },
    samples: () => [
      sample('same shape', normalArray(11, [4, 8]), normalArray(12, [4, 8])),
      sample('row broadcast', normalArray(13, [5, 12]), normalArray(14, [12])),
      sample('column broadcast', normalArray(15, [5, 12]), normalArray(16, [5, 1])),
      sample('both broadcast', normalArray(17, [3, 1, 7]), normalArray(18, [5, 1])),
      sample('scalar', normalArray(19, [9]), normalArray(20, [])),
      sample('rank 5', normalArray(21, [2, 1, 3, 1, 4]), normalArray(22, [1, 5, 3, 2, 1])),
      sample('empty', normalArray(23, [0, 4]), normalArray(24, [4])),
    ],
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
    ],
    ...(row.nonDifferentiable ? { nonDifferentiable: row.nonDifferentiable } : {}),
  };
}

/** The binary ops, by name. */
export const binaryOps: Readonly<Record<BinaryName, OpDef<undefined>>> = Object.fromEntries(
  (Object.keys(ROWS) as BinaryName[]).map((name) => [name, binaryDef(name)]),
) as Record<BinaryName, OpDef<undefined>>;

const apply = (name: BinaryName, a: Tensor, b: Tensor): Tensor => applyOp(binaryOps[name], [a, b], undefined)[0]!;

/** a + b; b may be a number. */
export function add(a: Tensor, b: Tensor | number): Tensor {
  return b instanceof Tensor ? apply('add', a, b) : affine(a, 1, b);
}

/** a - b; b may be a number. */
export function subtract(a: Tensor, b: Tensor | number): Tensor {
  return b instanceof Tensor ? apply('subtract', a, b) : affine(a, 1, -b);
}

/** a * b; b may be a number. */
export function multiply(a: Tensor, b: Tensor | number): Tensor {
  return b instanceof Tensor ? apply('multiply', a, b) : affine(a, b, 0);
}

/** a / b; b may be a number. */
export function divide(a: Tensor, b: Tensor | number): Tensor {
  return b instanceof Tensor ? apply('divide', a, b) : affine(a, 1 / b, 0);
}

export function maximum(a: Tensor, b: Tensor): Tensor {
  return apply('maximum', a, b);
}

export function minimum(a: Tensor, b: Tensor): Tensor {
  return apply('minimum', a, b);
}

/** 1 where a >= b, else 0. Has no gradient. */
export function greaterEqual(a: Tensor, b: Tensor): Tensor {
  return apply('greaterEqual', a, b);
}
