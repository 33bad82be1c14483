import type { MathJson } from './latex.ts';

const CONSTANTS: Readonly<Record<string, number>> = {
  Pi: Math.PI,
  ExponentialE: Math.E,
  e: Math.E,
  PositiveInfinity: Number.POSITIVE_INFINITY,
  Half: 0.5,
};

type Operator = (operands: readonly number[]) => number;

const sum: Operator = (values) => values.reduce((a, b) => a + b, 0);
const product: Operator = (values) => values.reduce((a, b) => a * b, 1);
const one =
  (apply: (x: number) => number): Operator =>
  (values) =>
    values.length === 1 ? apply(values[0] as number) : Number.NaN;
const two =
  (apply: (x: number, y: number) => number): Operator =>
  (values) =>
    values.length === 2 ? apply(values[0] as number, values[1] as number) : Number.NaN;

const OPERATORS: ReadonlyMap<string, Operator> = new Map([
  ['Add', sum],
  ['Subtract', two((a, b) => a - b)],
  ['Negate', one((a) => -a)],
  ['Multiply', product],
  ['InvisibleOperator', product],
  ['Divide', two((a, b) => a / b)],
  ['Rational', two((a, b) => a / b)],
  ['Power', two(power)],
  ['Square', one((a) => a * a)],
  ['Sqrt', one(Math.sqrt)],
  ['Root', two((a, n) => Math.sign(a) * Math.abs(a) ** (1 / n))],
  ['Sin', one(Math.sin)],
  ['Cos', one(Math.cos)],
  ['Tan', one(Math.tan)],
  ['Ln', one(Math.log)],
  ['Exp', one(Math.exp)],
]);

function power(base: number, exponent: number): number {
  // `**` knows no cube root of a negative number; neither does a reader who writes (-8)^{1/3}.
  return base ** exponent;
}

/**
 * The value of an expression in float64 with the variables at the values given by `at`; NaN for operators
 * it does not know. The work is linear in the size of the expression.
 */
export function mathValue(expression: MathJson, at: (symbol: string) => number): number {
  if (typeof expression === 'number') return expression;
  if (typeof expression === 'string') return CONSTANTS[expression] ?? at(expression);
  const [operator, ...operands] = expression;
  if (operator === 'Delimiter' && operands.length > 0) return mathValue(operands[0] as MathJson, at);
  if (operator === 'InvisibleOperator' && isMixedNumber(operands)) {
    return sum(operands.map((operand) => mathValue(operand, at)));
  }
  const apply = OPERATORS.get(operator);
  return apply === undefined ? Number.NaN : apply(operands.map((operand) => mathValue(operand, at)));
}

/** "17\\frac{1}{2}" is seventeen and a half. */
function isMixedNumber([whole, part, ...more]: readonly MathJson[]): boolean {
  if (more.length > 0 || typeof whole !== 'number' || !Number.isInteger(whole) || !Array.isArray(part)) return false;
  const [operator, top, bottom] = part as readonly MathJson[];
  const isFraction = operator === 'Divide' || operator === 'Rational';
  return isFraction && typeof top === 'number' && typeof bottom === 'number' && top < bottom;
}
