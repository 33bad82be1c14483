import type { ElementwiseExpression } from '../kernels/elementwise.wgsl.ts';

/** An expression as calls of WGSL functions, so that it can be put in the place of another's operand. */
interface Composed extends ElementwiseExpression {
  /** The call with `x0..` and `params.s0..` for its operands and scalars. */
  readonly expr: string;
  readonly functions: string;
  readonly scalars: readonly string[];
  /** WGSL functions that `functions` consists of, each once. */
  readonly parts: readonly string[];
}

const compositions = new WeakMap<ElementwiseExpression, Composed>();

/** Wraps an expression of `operands` inputs into a WGSL function and its call. */
function toCall(expression: ElementwiseExpression, operands: number): Composed {
  const known = compositions.get(expression);
  if (known !== undefined) return known;
  const name = `fused_${expression.name.replaceAll(/\W/g, '_')}`;
  const scalars = expression.scalars ?? [];
  const inputs = Array.from({ length: operands }, (_, i) => `x${i}`);
  const body = scalars.reduce((text, scalar) => text.replaceAll(`params.${scalar}`, scalar), expression.expr);
  const parameters = [...inputs.map((x) => `${x}: T`), ...scalars.map((scalar) => `${scalar}: f32`)].join(', ');
  const wrapper = `fn ${name}(${parameters}) -> T { return ${body}; }\n`;
  const parts = expression.functions === undefined ? [wrapper] : [expression.functions, wrapper];
  return {
    name: `${expression.name}(${inputs.join(', ')})`,
    expr: `${name}(${[...inputs, ...scalars.map((_, i) => `params.s${i}`)].join(', ')})`,
    functions: parts.join('\n'),
    scalars: scalars.map((_, i) => `s${i}`),
    parts,
  };
}

/** Replaces x<i> by `names[i]` and s<i> by s<i + shift>, in one pass. */
function rename(text: string, names: readonly string[], shift: number): string {
  return text.replaceAll(/\bx(\d+)\b|\bparams\.s(\d+)\b/g, (_, x: string | undefined, s: string | undefined) =>
    x !== undefined ? names[Number(x)]! : `params.s${Number(s) + shift}`,
  );
}

/**
 * The expression `consumer` with `producer` in the place of some of its operands. `consumerOperands` and
 * `producerOperands` say which operand of the result each of theirs is; undefined marks the consumer's that
 * are replaced. The scalars of the result are those of the consumer, then those of the producer.
 *
 * All operands and both results must be floats: they are passed as `T`.
 */
export function composeExpressions(
  consumer: ElementwiseExpression,
  producer: ElementwiseExpression,
  consumerOperands: readonly (number | undefined)[],
  producerOperands: readonly number[],
): ElementwiseExpression {
  const outer = toCall(consumer, consumerOperands.length);
  const inner = toCall(producer, producerOperands.length);
  const innerNames = producerOperands.map((operand) => `x${operand}`);
  const shift = outer.scalars.length;
  const namesWith = (replacement: string): string[] =>
    consumerOperands.map((operand) => (operand === undefined ? replacement : `x${operand}`));
  const parts = [...new Set([...inner.parts, ...outer.parts])];
  const result: Composed = {
    name: rename(outer.name, namesWith(rename(inner.name, innerNames, 0)), 0),
    expr: rename(outer.expr, namesWith(rename(inner.expr, innerNames, shift)), 0),
    functions: parts.join('\n'),
    scalars: [...outer.scalars, ...inner.scalars.map((_, i) => `s${shift + i}`)],
    parts,
  };
  compositions.set(result, result);
  return result;
}

/** The same expression with its operands in another order: operand i of it is operand `order[i]` of the result. */
export function reorderOperands(expression: ElementwiseExpression, order: readonly number[]): ElementwiseExpression {
  const call = toCall(expression, order.length);
  const names = order.map((operand) => `x${operand}`);
  const result: Composed = { ...call, name: rename(call.name, names, 0), expr: rename(call.expr, names, 0) };
  compositions.set(result, result);
  return result;
}
