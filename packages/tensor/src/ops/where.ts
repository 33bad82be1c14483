import { DTYPES, type DType, isFloat, promoteNumber, promoteTypes } from '../dtype.ts';
import { valueType } from '../kernels/lib/element.wgsl.ts';
import { applyOp, type OpDef, type RefArray } from '../op.ts';
import { type ScalarLike, scalarValue } from '../scalar.ts';
import { broadcastShapes, type Shape } from '../shape.ts';
import { Tensor } from '../tensor.ts';
import type { Operand } from './binary.ts';
import { launchElementwise } from './launch-elementwise.ts';
import { forEachBroadcast, indexArray, normalArray, refArray, stored } from './reference.ts';

/** The sides that are numbers; the others are inputs, a before b. */
export interface WhereAttrs {
  readonly a?: ScalarLike;
  readonly b?: ScalarLike;
}

/** The element type of the result: that of the sides that are tensors, which numbers follow. */
function resultType(sides: readonly DType[], { a, b }: WhereAttrs): DType {
  let type = sides.reduce(promoteTypes, 'bool');
  for (const number of [a, b]) {
    if (number === undefined) continue;
    // A cell may come to hold a fraction.
    if (typeof number === 'number') type = promoteNumber(type, number);
    else if (!isFloat(type)) type = 'f32';
  }
  return type;
}

function broadcastAll(shapes: readonly Shape[]): Shape {
  return shapes.reduce((all, shape) => broadcastShapes('where', all, shape), []);
}

const condition = (shape: Shape): RefArray => ({ ...indexArray(92, shape, 2), dtype: 'bool' });

export const whereOp: OpDef<WhereAttrs> = {
  name: 'where',
  doc: 'y = a where the condition is true (not 0), else b',
  dtypes: DTYPES,
  infer: ([test, ...sides], attrs) => [
    {
      shape: broadcastAll([test!.shape, ...sides.map(({ shape }) => shape)]),
      dtype: resultType(
        sides.map(({ dtype }) => dtype),
        attrs,
      ),
    },
  ],
  run: (inputs, [out], { a, b }) => {
    const first = a === undefined ? 'x1' : 'T(params.a)';
    const second = b !== undefined ? 'T(params.b)' : a === undefined ? 'x2' : 'x1';
    const expression = {
      name: `where/${first === 'x1' ? 'tensor' : 'number'}/${b === undefined ? 'tensor' : 'number'}`,
      expr: `select(${second}, ${first}, x0)`,
      compute: valueType(out!.dtype),
      operandTypes: { 0: 'bool' as const },
      scalars: [...(a === undefined ? [] : ['a']), ...(b === undefined ? [] : ['b'])],
    };
    const numbers = [a, b].filter((number) => number !== undefined);
    return [launchElementwise(expression, inputs, out!, numbers)];
  },
  reference: ([test, ...sides], attrs) => {
    const number = (value: ScalarLike | undefined): RefArray | undefined =>
      value === undefined ? undefined : refArray([], [scalarValue(value)]);
    const a = number(attrs.a) ?? sides[0]!;
    const b = number(attrs.b) ?? sides[attrs.a === undefined ? 1 : 0]!;
    const shape = broadcastAll([test!.shape, a.shape, b.shape]);
    const data: number[] = [];
    forEachBroadcast(shape, [test!.shape, a.shape, b.shape], (_, [i, j, k]) =>
      data.push(test!.data[i!] === 0 ? b.data[k!]! : a.data[j!]!),
    );
    const dtype = resultType(
      sides.map((side) => side.dtype ?? 'f32'),
      attrs,
    );
    return [stored(shape, data, dtype)];
  },
  samples: () => [
    {
      name: 'same shape',
      inputs: [condition([4, 8]), normalArray(93, [4, 8]), normalArray(94, [4, 8])],
      attrs: {},
      constant: [0],
    },
    {
      name: 'all broadcast',
      inputs: [condition([5, 1]), normalArray(95, [3, 1, 7]), normalArray(96, [])],
      attrs: {},
      constant: [0],
    },
    { name: 'a number for a', inputs: [condition([9]), normalArray(97, [9])], attrs: { a: -2.5 }, constant: [0] },
    { name: 'a number for b', inputs: [condition([3, 4]), normalArray(98, [4])], attrs: { b: 1 }, constant: [0] },
    { name: 'two numbers', inputs: [condition([12])], attrs: { a: 1, b: 0.5 }, constant: [0] },
    {
      name: 'a condition of numbers',
      inputs: [indexArray(91, [6], 3), normalArray(99, [6]), normalArray(90, [6])],
      attrs: {},
      constant: [0],
    },
    {
      name: 'empty',
      inputs: [condition([0, 2]), normalArray(89, [2]), normalArray(88, [1])],
      attrs: {},
      constant: [0],
    },
  ],
  errors: () => [
    {
      name: 'sizes differ',
      inputs: [
        { shape: [3], dtype: 'bool' },
        { shape: [4], dtype: 'f32' },
        { shape: [4], dtype: 'f32' },
      ],
      attrs: {},
      code: 'shape',
    },
  ],
  tolerance: 'exact',
};

/** a where `test` is true (not 0), else b; all broadcast together, a and b promote as in NumPy. */
export function where(test: Tensor, a: Operand, b: Operand): Tensor {
  const sides = [a, b].filter((side) => side instanceof Tensor);
  return applyOp(whereOp, [test, ...sides], {
    ...(a instanceof Tensor ? {} : { a }),
    ...(b instanceof Tensor ? {} : { b }),
  })[0]!;
}
