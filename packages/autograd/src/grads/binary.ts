import {
  add,
  affine,
  type BinaryAttrs,
  divide,
  equal,
  floorDivide,
  greater,
  isFloat,
  log,
  logicalAnd,
  multiply,
  negate,
  type Operand,
  pow,
  square,
  subtract,
  Tensor,
  where,
} from '@dawngrad/tensor';
import type { Gradient, GradientContext } from '../gradient.ts';
import { asType } from './as-type.ts';
import { sumTo } from './sum-to.ts';

/** The gradient by one operand; each operand is a tensor or a number. */
type Side = (dy: Tensor, a: Operand, b: Operand, y: Tensor) => Tensor;

/**
 * Gradients by each side, computed only where needed, summed over broadcast dimensions and rounded to the
 * element type of the operand. Integers have none.
 */
function sides(byA: Side, byB: Side): Gradient<BinaryAttrs> {
  return {
    apply: ({ dy, inputs, outputs, needs, attrs }: GradientContext<BinaryAttrs>) => {
      const number = attrs?.number;
      const [a, b]: readonly Operand[] =
        number === undefined ? inputs : attrs?.onLeft === true ? [number, inputs[0]!] : [inputs[0]!, number];
      const operands = [a!, b!];
      return inputs.map((input, i) => {
        if (!needs[i] || !isFloat(input.dtype)) return undefined;
        const side = operands[0] === input && i === 0 ? byA : byB;
        return asType(sumTo(side(dy[0]!, a!, b!, outputs[0]!), input.shape), input.dtype);
      });
    },
  };
}

/** Half of dy where a = b, all of it where this side is beyond the other: the mean of both one-sided slopes. */
function share(dy: Tensor, beyond: Tensor, a: Operand, b: Operand): Tensor {
  return where(beyond, dy, where(equal(a, b), affine(dy, 0.5, 0), 0));
}

export const binaryGradients: Readonly<Record<string, Gradient<BinaryAttrs>>> = {
  add: sides(
    (dy) => dy,
    (dy) => dy,
  ),
  subtract: sides(
    (dy) => dy,
    (dy) => negate(dy),
  ),
  multiply: sides(
    (dy, _, b) => multiply(dy, b),
    (dy, a) => multiply(dy, a),
  ),
  // y = a / b: da = dy / b, db = -dy y / b
  divide: sides(
    (dy, _, b) => divide(dy, b),
    (dy, _, b, y) => negate(divide(multiply(dy, y), b)),
  ),
  // y = a - b floor(a / b): the quotient is constant between its steps.
  remainder: sides(
    (dy) => dy,
    (dy, a, b) => negate(multiply(dy, floorDivide(a, b))),
  ),
  // y = a^b: da = dy b a^(b - 1), where b = 0 gives 0 even at a = 0
  //          db = dy y ln a, where a = 0 and b > 0 give 0: y goes to 0 faster than ln a grows
  pow: sides(
    (dy, a, b) => {
      if (b === 0) return affine(dy, 0, 0);
      const slope = multiply(b, pow(a, subtractOne(b)));
      return multiply(dy, b instanceof Tensor ? where(equal(b, 0), 0, slope) : slope);
    },
    (dy, a, b, y) => {
      if (a === 0) return affine(dy, 0, 0);
      if (!(a instanceof Tensor))
        return multiply(dy, multiply(y, typeof a === 'number' ? Math.log(a) : a.map(Math.log)));
      const isFlat = logicalAnd(equal(a, 0), greater(b, 0));
      return multiply(dy, where(isFlat, 0, multiply(y, log(where(isFlat, 1, a)))));
    },
  ),
  maximum: sides(
    (dy, a, b) => share(dy, greater(a, b), a, b),
    (dy, a, b) => share(dy, greater(b, a), a, b),
  ),
  minimum: sides(
    (dy, a, b) => share(dy, greater(b, a), a, b),
    (dy, a, b) => share(dy, greater(a, b), a, b),
  ),
  // y = the angle of (b, a): da = dy b / (a^2 + b^2), db = -dy a / (a^2 + b^2)
  atan2: sides(
    (dy, a, b) => divide(multiply(dy, b), squaredLength(a, b)),
    (dy, a, b) => negate(divide(multiply(dy, a), squaredLength(a, b))),
  ),
};

function subtractOne(b: Operand): Operand {
  if (b instanceof Tensor) return subtract(b, 1);
  return typeof b === 'number' ? b - 1 : b.map((value) => value - 1);
}

function squaredLength(a: Operand, b: Operand): Tensor {
  const part = (x: Operand): Operand => {
    if (x instanceof Tensor) return square(x);
    return typeof x === 'number' ? x * x : x.map((value) => value * value);
  };
  return add(part(a), part(b));
}
