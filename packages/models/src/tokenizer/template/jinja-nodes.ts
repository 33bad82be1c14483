import type { JinjaNode, JinjaValue } from './jinja.ts';

/** A value in the place of a node: what was evaluated already. */
export interface Constant extends JinjaNode {
  readonly type: 'Constant';
  readonly result: JinjaValue;
}

export interface Block extends JinjaNode {
  readonly body: readonly JinjaNode[];
}

export interface If extends Block {
  readonly test: JinjaNode;
  readonly alternate: readonly JinjaNode[];
}

export interface For extends Block {
  readonly loopvar: Name | { readonly type: 'TupleLiteral'; readonly value: readonly Name[] };
  readonly iterable: JinjaNode;
  readonly defaultBlock: readonly JinjaNode[];
}

export interface Name extends JinjaNode {
  readonly value: string;
}

export interface Select extends JinjaNode {
  readonly lhs: JinjaNode;
  readonly test: JinjaNode;
}

export interface Binary extends JinjaNode {
  readonly operator: { readonly value: string };
  readonly left: JinjaNode;
  readonly right: JinjaNode;
}

export interface Member extends JinjaNode {
  readonly object: JinjaNode;
  readonly property: JinjaNode;
  readonly computed: boolean;
}

export interface Call extends JinjaNode {
  readonly callee: JinjaNode;
  readonly args: readonly JinjaNode[];
}

export interface Filter extends JinjaNode {
  readonly operand: JinjaNode;
  readonly filter: Name | Call;
}

export function constant(result: JinjaValue): Constant {
  return { type: 'Constant', result };
}

/** The node with its body as one block, so that it is this interpreter that writes it. */
export function withOneBlock(node: Block): JinjaNode {
  // The library looks for what a macro uses among instances of its own classes.
  const make = (fields: object): JinjaNode =>
    Object.assign(Object.create(Object.getPrototypeOf(node) as object), fields);
  return make({ ...node, body: [make({ type: 'Program', body: node.body })] });
}

export function resultOf(arg: JinjaNode): JinjaValue {
  const inner = arg.type === 'KeywordArgumentExpression' ? (arg as unknown as { value: Constant }).value : arg;
  return (inner as Constant).result;
}

export function keywordsOf(args: readonly JinjaNode[]): ReadonlyMap<string, JinjaValue> {
  const keywords = new Map<string, JinjaValue>();
  for (const arg of args) {
    if (arg.type !== 'KeywordArgumentExpression') continue;
    keywords.set((arg as unknown as { key: Name }).key.value, resultOf(arg));
  }
  return keywords;
}

export function describe(node: JinjaNode): string {
  return node.type === 'Identifier' ? `"${(node as Name).value}"` : 'a value';
}
