import * as library from '@huggingface/jinja';

/**
 * The parts of @huggingface/jinja that templates run on, with types: the library's own do not resolve under Node's
 * rules (their imports lack extensions).
 */

/** A node of a parsed template. */
export interface JinjaNode {
  readonly type: string;
}

/** A value while a template runs. */
export interface JinjaValue {
  readonly type: string;
  readonly value: unknown;
}

export interface JinjaText extends JinjaValue {
  readonly value: string;
}

export interface JinjaList extends JinjaValue {
  readonly value: readonly JinjaValue[];
}

export interface JinjaMap extends JinjaValue {
  readonly value: Map<string, JinjaValue>;
}

export interface JinjaFunction extends JinjaValue {
  readonly value: (args: readonly JinjaValue[], scope: JinjaScope) => JinjaValue;
}

export type JinjaTest = (...values: readonly JinjaValue[]) => boolean;

/** The variables of a block, on top of those of the blocks around it. */
export interface JinjaScope {
  readonly tests: ReadonlyMap<string, JinjaTest>;
  /** Converts a value and declares it. */
  set(name: string, value: unknown): JinjaValue;
  setVariable(name: string, value: JinjaValue): JinjaValue;
}

export interface JinjaInterpreter {
  evaluate(node: JinjaNode | undefined, scope: JinjaScope): JinjaValue;
}

export const Interpreter = library.Interpreter as unknown as new (scope: JinjaScope) => JinjaInterpreter;
export const Scope = library.Environment as unknown as new (parent?: JinjaScope) => JinjaScope;

/** The program of a template's text, with the white-space rules that transformers sets. */
export function parseTemplate(text: string): JinjaNode {
  const tokens: unknown = library.tokenize(text, { lstrip_blocks: true, trim_blocks: true });
  return (library.parse as (tokens: unknown) => JinjaNode)(tokens);
}

/** A plain value, or a function of plain values, as the library holds it. */
export function toJinja(value: unknown): JinjaValue {
  return new Scope().set('value', value);
}

type Constructor<Value, Inner> = new (value: Inner) => Value;

// The library does not export its classes, and converting makes a scope each time.
const TextValue = toJinja('').constructor as Constructor<JinjaText, string>;
const ListValue = toJinja([]).constructor as Constructor<JinjaList, readonly JinjaValue[]>;
const TRUE = toJinja(true);
const FALSE = toJinja(false);

export const UNDEFINED = toJinja(undefined);

export function jinjaText(text: string): JinjaText {
  return new TextValue(text);
}

export function jinjaList(items: readonly JinjaValue[]): JinjaList {
  return new ListValue(items);
}

export function jinjaBoolean(value: boolean): JinjaValue {
  return value ? TRUE : FALSE;
}

export function isText(value: JinjaValue): value is JinjaText {
  return value.type === 'StringValue';
}

export function isList(value: JinjaValue): value is JinjaList {
  return value.type === 'ArrayValue' || value.type === 'TupleValue';
}

export function isMap(value: JinjaValue): value is JinjaMap {
  return value.type === 'ObjectValue' || value.type === 'KeywordArgumentsValue';
}

export function isUndefined(value: JinjaValue): boolean {
  return value.type === 'UndefinedValue';
}
