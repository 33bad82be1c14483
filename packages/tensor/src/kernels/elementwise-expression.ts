import type { DType } from '../dtype.ts';
import { type ValueType, valueType } from './lib/element.wgsl.ts';

/**
 * A function of the elements of some tensors at one place, as WGSL text. Kernels put it in at a width of one
 * or four elements, so the text names its types by placeholders:
 * - `T` the type that is computed in, `TU`, `TI` and `TB` u32, i32 and bool of the same width;
 * - `EACH(f, x, ...)` the scalar function `f` of every element of the variables `x`, ..., for functions that branch.
 *
 * The name stands for the text in the cache of kernels: one name, one text.
 */
export interface ElementwiseExpression {
  readonly name: string;
  /** WGSL expression over x0, x1, ... and `params.<scalar>`. */
  readonly expr: string;
  /** WGSL functions that the expression calls, each beginning with `fn` at the start of a line. */
  readonly functions?: string;
  /** Numbers that change without another kernel; f32, or i32 and u32 where that is computed in. */
  readonly scalars?: readonly string[];
  /** What `T` stands for; the operands are converted to it. Default: the type of the first operand. */
  readonly compute?: ValueType;
  /** Types of operands that are not converted to `compute`, by their index. */
  readonly operandTypes?: Readonly<Record<number, ValueType>>;
  /** Type of the expression's value. Default `compute`. */
  readonly result?: ValueType;
}

/** How many elements an expression is put in for at once. */
export type Width = 1 | 4;

/** The WGSL type of `width` values. */
export function typeAt(type: ValueType, width: Width): string {
  return width === 4 ? `vec4<${type}>` : type;
}

/** WGSL text of an expression or its functions with the placeholders filled in. */
export function atWidth(text: string, width: Width, compute: ValueType = 'f32'): string {
  const types: Readonly<Record<string, ValueType>> = { T: compute, TU: 'u32', TI: 'i32', TB: 'bool' };
  return text
    .replaceAll(/\bEACH\((\w+), (\w+(?:, \w+)*)\)/g, (_, f: string, names: string) => {
      if (width === 1) return `${f}(${names})`;
      const call = (member: string): string => `${f}(${names.replaceAll(/\w+/g, (x) => `${x}.${member}`)})`;
      return `vec4(${['x', 'y', 'z', 'w'].map(call).join(', ')})`;
    })
    .replaceAll(/\bT[UIB]?\b/g, (name) => typeAt(types[name]!, width));
}

/** The functions of an expression at one width; functions that several parts of a fused text bring stand once. */
export function functionsAt(text: string, width: Width, compute: ValueType = 'f32'): string {
  const functions = text.split(/^(?=fn )/m).map((one) => `${one.trim()}\n`);
  return [...new Set(functions)].map((one) => atWidth(one, width, compute)).join('');
}

/** WGSL: a value as another type. Floats become integers by truncation, saturated; integers wrap. */
export function converted(value: string, from: ValueType, to: ValueType, width: Width): string {
  return from === to ? value : `${typeAt(to, width)}(${value})`;
}

/** The types of an expression over operands of the given element types. */
export function expressionTypes(
  expression: ElementwiseExpression,
  dtypes: readonly DType[],
): { compute: ValueType; operands: ValueType[]; result: ValueType } {
  const compute = expression.compute ?? (dtypes[0] === undefined ? 'f32' : valueType(dtypes[0]));
  return {
    compute,
    operands: dtypes.map((_, i) => expression.operandTypes?.[i] ?? compute),
    result: expression.result ?? compute,
  };
}
