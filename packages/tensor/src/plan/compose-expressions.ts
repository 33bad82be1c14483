import type { DType } from '../dtype.ts';
import { type ElementwiseExpression, expressionTypes } from '../kernels/elementwise-expression.ts';
import { type ValueType, valueType } from '../kernels/lib/element.wgsl.ts';

/** An expression with the element types that it is applied to. */
export interface AppliedExpression {
  readonly expression: ElementwiseExpression;
  readonly dtypes: readonly DType[];
  readonly out: DType;
}

/** How each type is written in the text of an expression that computes in f32. */
const PLACEHOLDER: Readonly<Record<ValueType, string>> = { f32: 'T', i32: 'TI', u32: 'TU', bool: 'TB' };

/** An expression as nested calls of WGSL functions, over operands that are taken as they are stored. */
interface Call {
  /** Reads like the program: `multiply(silu(x0), x1)`. */
  readonly name: string;
  /** The call, over x0.. and `params.s0`... */
  readonly expr: string;
  readonly scalars: number;
  /** WGSL functions that it consists of, each once. */
  readonly parts: readonly string[];
}

/** Of expressions that are compositions already. */
const calls = new WeakMap<ElementwiseExpression, Call>();

function converted(value: string, from: ValueType, to: ValueType): string {
  return from === to ? value : `${PLACEHOLDER[to]}(${value})`;
}

/** Wraps an expression into a WGSL function and its call. */
function toCall({ expression, dtypes, out }: AppliedExpression): Call {
  const known = calls.get(expression);
  if (known !== undefined) return known;
  const { compute, operands, result } = expressionTypes(expression, dtypes);
  const typed = (text: string): string => text.replaceAll(/\bT\b/g, PLACEHOLDER[compute]);
  const scalars = expression.scalars ?? [];
  const body = scalars.reduce((text, scalar) => text.replaceAll(`params.${scalar}`, scalar), typed(expression.expr));
  const name = `fused_${[expression.name, ...operands, result].join('_').replaceAll(/\W/g, '_')}`;
  const parameters = [
    ...operands.map((type, i) => `x${i}: ${PLACEHOLDER[type]}`),
    ...scalars.map((scalar) => `${scalar}: f32`),
  ];
  const wrapper = `fn ${name}(${parameters.join(', ')}) -> ${PLACEHOLDER[result]} { return ${body}; }`;
  const inputs = operands.map((type, i) => converted(`x${i}`, valueType(dtypes[i]!), type));
  const call = `${name}(${[...inputs, ...scalars.map((_, i) => `params.s${i}`)].join(', ')})`;
  return {
    name: `${expression.name}(${operands.map((_, i) => `x${i}`).join(', ')})`,
    expr: converted(call, result, valueType(out)),
    scalars: scalars.length,
    parts: expression.functions === undefined ? [wrapper] : [typed(expression.functions), wrapper],
  };
}

/** Replaces x<i> by `names[i]` and s<i> by s<i + shift>, in one pass. */
function rename(text: string, names: readonly string[], shift: number): string {
  return text.replaceAll(/\bx(\d+)\b|\bparams\.s(\d+)\b/g, (_, x: string | undefined, s: string | undefined) =>
    x !== undefined ? names[Number(x)]! : `params.s${Number(s) + shift}`,
  );
}

function toExpression(call: Call, dtypes: readonly DType[], out: DType): ElementwiseExpression {
  const expression: ElementwiseExpression = {
    name: call.name,
    expr: call.expr,
    functions: call.parts.join('\n'),
    scalars: Array.from({ length: call.scalars }, (_, i) => `s${i}`),
    compute: 'f32',
    operandTypes: Object.fromEntries(dtypes.map((dtype, i) => [i, valueType(dtype)])),
    result: valueType(out),
  };
  calls.set(expression, call);
  return expression;
}

/**
 * `consumer` with `producer` in the place of some of its operands. `consumerOperands` and `producerOperands`
 * say which operand of the result each of theirs is; undefined marks the consumer's that are replaced.
 * `dtypes` are the types of the result's operands. Its scalars are those of the consumer, then those of the
 * producer; both must take them as f32, and the value between must not be one that is rounded to 16 bits.
 */
export function composeExpressions(
  consumer: AppliedExpression,
  producer: AppliedExpression,
  consumerOperands: readonly (number | undefined)[],
  producerOperands: readonly number[],
  dtypes: readonly DType[],
): ElementwiseExpression {
  const [outer, inner] = [toCall(consumer), toCall(producer)];
  const innerNames = producerOperands.map((operand) => `x${operand}`);
  const namesWith = (replacement: string): string[] =>
    consumerOperands.map((operand) => (operand === undefined ? replacement : `x${operand}`));
  const call: Call = {
    name: rename(outer.name, namesWith(rename(inner.name, innerNames, 0)), 0),
    expr: rename(outer.expr, namesWith(rename(inner.expr, innerNames, outer.scalars)), 0),
    scalars: outer.scalars + inner.scalars,
    parts: [...new Set([...inner.parts, ...outer.parts])],
  };
  return toExpression(call, dtypes, consumer.out);
}

/** The same expression with its operands in another order: operand i of it is operand `order[i]` of the result. */
export function reorderOperands(applied: AppliedExpression, order: readonly number[]): ElementwiseExpression {
  const call = toCall(applied);
  const names = order.map((operand) => `x${operand}`);
  const dtypes: DType[] = [];
  order.forEach((operand, i) => {
    dtypes[operand] = applied.dtypes[i]!;
  });
  return toExpression(
    { ...call, name: rename(call.name, names, 0), expr: rename(call.expr, names, 0) },
    dtypes,
    applied.out,
  );
}
