import { applyFilter } from './apply-filter.ts';
import { callMethod } from './call-method.ts';
import {
  Interpreter,
  isList,
  isMap,
  isText,
  isUndefined,
  type JinjaFunction,
  type JinjaNode,
  type JinjaScope,
  type JinjaValue,
  jinjaBoolean,
  jinjaText,
  Scope,
  toJinja,
  UNDEFINED,
} from './jinja.ts';
import {
  type Binary,
  type Block,
  type Call,
  type Constant,
  constant,
  describe,
  type Filter,
  type For,
  type If,
  keywordsOf,
  type Member,
  type Name,
  resultOf,
  type Select,
  withOneBlock,
} from './jinja-nodes.ts';
import { bindings, itemsOf, loopValue } from './loop-values.ts';
import { pythonEquals, pythonText } from './python-values.ts';
import { TemplateLimitError, type WorkBudget } from './work-budget.ts';

/** Nesting of nodes and calls; published templates stay below 40. */
const MAX_NESTING = 300;

/** `break` or `continue`, with what the blocks that it leaves had written. */
class LoopExit extends Error {
  readonly isBreak: boolean;
  output = '';

  constructor(isBreak: boolean) {
    super('break or continue outside a loop');
    this.isBreak = isBreak;
  }
}

/** Statements that print nothing themselves. */
const SILENT = new Set(['Set', 'Macro', 'Comment']);

/**
 * The library's interpreter within limits, and with Python's meaning where the library's differs: variables set in a
 * loop end with the iteration, `continue` keeps what was written, `==`, printing, `strip('\n')`, `select` and `reject`.
 */
export class BoundedInterpreter extends Interpreter {
  readonly #budget: WorkBudget;
  #nesting = 0;

  constructor(scope: JinjaScope, budget: WorkBudget) {
    super(scope);
    this.#budget = budget;
  }

  override evaluate(node: JinjaNode | undefined, scope: JinjaScope): JinjaValue {
    this.#budget.spend(1);
    if (++this.#nesting > MAX_NESTING) throw new TemplateLimitError(`it nests over ${MAX_NESTING} deep`);
    try {
      // Filters such as `first` give nothing at all for an empty list.
      const value = this.#evaluate(node, scope) ?? UNDEFINED;
      this.#budget.charge(value);
      return value;
    } finally {
      this.#nesting--;
    }
  }

  #evaluate(node: JinjaNode | undefined, scope: JinjaScope): JinjaValue {
    switch (node?.type) {
      case 'Constant':
        return (node as Constant).result;
      case 'Program':
        return jinjaText(this.#block((node as Block).body, scope));
      case 'If': {
        const { test, body, alternate } = node as If;
        return jinjaText(this.#block(isTrue(this.evaluate(test, scope)) ? body : alternate, scope));
      }
      case 'For':
        return jinjaText(this.#loop(node as For, scope));
      case 'Break':
      case 'Continue':
        throw new LoopExit(node.type === 'Break');
      case 'BinaryExpression':
        return this.#binary(node as Binary, scope);
      case 'MemberExpression':
        return this.#member(node as Member, scope);
      case 'CallExpression':
        return this.#call(node as Call, scope);
      case 'FilterExpression':
        return this.#filter(node as Filter, scope);
      case 'FilterStatement': {
        const { filter, body } = node as Filter & Block;
        const operand = constant(jinjaText(this.#block(body, scope)));
        return this.evaluate({ type: 'FilterExpression', operand, filter } as Filter, scope);
      }
      case 'Set':
      case 'Macro':
      case 'CallStatement':
        return super.evaluate(withOneBlock(node as Block), scope);
      default:
        return super.evaluate(node, scope);
    }
  }

  #block(body: readonly JinjaNode[], scope: JinjaScope): string {
    let output = '';
    try {
      for (const node of body) {
        const value = this.evaluate(node, scope);
        if (SILENT.has(node.type)) continue;
        if (!isText(value)) this.#budget.spend(this.#writtenSize(value) / 16);
        output += pythonText(value);
        this.#budget.checkSize(output.length);
      }
    } catch (error) {
      if (error instanceof LoopExit) error.output = output + error.output;
      throw error;
    }
    return output;
  }

  #loop({ loopvar, iterable, body, defaultBlock }: For, scope: JinjaScope): string {
    const { lhs, test } = iterable as Select;
    const isFiltered = iterable.type === 'SelectExpression';
    const bind = (item: JinjaValue): JinjaScope => {
      // Making a scope costs more than a node does.
      this.#budget.spend(10);
      const inner = new Scope(scope);
      for (const [name, value] of bindings(loopvar, item)) inner.setVariable(name, value);
      return inner;
    };
    const source = this.evaluate(isFiltered ? lhs : iterable, scope);
    if (isText(source)) this.#budget.spend(source.value.length);
    const items = itemsOf(source).filter((item) => !isFiltered || isTrue(this.evaluate(test, bind(item))));
    if (items.length === 0) return this.#block(defaultBlock, scope);
    let output = '';
    for (let i = 0; i < items.length; i++) {
      const inner = bind(items[i]!);
      inner.setVariable('loop', loopValue(items, i));
      try {
        output += this.#block(body, inner);
      } catch (error) {
        if (!(error instanceof LoopExit)) throw error;
        output += error.output;
        if (error.isBreak) break;
      }
      this.#budget.checkSize(output.length);
    }
    return output;
  }

  #binary(node: Binary, scope: JinjaScope): JinjaValue {
    const operator = node.operator.value;
    if (operator === 'and' || operator === 'or') return super.evaluate(node, scope);
    const left = this.evaluate(node.left, scope);
    const right = this.evaluate(node.right, scope);
    switch (operator) {
      case '==':
      case '!=':
        this.#budget.spend(Math.min(this.#writtenSize(left), this.#writtenSize(right)) / 16);
        return jinjaBoolean(pythonEquals(left, right) === (operator === '=='));
      case '~':
        this.#budget.spend((this.#writtenSize(left) + this.#writtenSize(right)) / 16);
        return jinjaText(pythonText(left) + pythonText(right));
      case 'in':
      case 'not in':
        if (isText(left) && isText(right)) this.#budget.search(right.value, left.value);
        if (isList(right)) {
          const compared = Math.min(this.#budget.sizeOf(right), right.value.length * this.#writtenSize(left));
          this.#budget.spend(right.value.length + compared / 16);
          return jinjaBoolean(right.value.some((item) => pythonEquals(item, left)) === (operator === 'in'));
        }
        break;
      case '+':
        // The library would write "[object Map]".
        if (isText(left) !== isText(right)) throw new Error(`text and ${(isText(left) ? right : left).type} added`);
        break;
      case '<':
      case '>':
      case '<=':
      case '>=':
        if (isText(left) && isText(right)) return jinjaBoolean(compares(operator, left.value, right.value));
    }
    return super.evaluate({ ...node, left: constant(left), right: constant(right) } as Binary, scope);
  }

  /** A method that is not called at once cannot be called later: what it may cost depends on its object. */
  #member(node: Member, scope: JinjaScope): JinjaValue {
    const object = this.evaluate(node.object, scope);
    if (isUndefined(object)) throw new Error(`${describe(node.object)} is undefined`);
    if (isText(object)) this.#budget.spend(object.value.length / 16);
    const value = super.evaluate({ ...node, object: constant(object) } as Member, scope);
    if (value?.type !== 'FunctionValue' || object.type === 'NamespaceValue') return value;
    return toJinja(() => {
      throw new TemplateLimitError('it passes a method around');
    });
  }

  #call(node: Call, scope: JinjaScope): JinjaValue {
    if (node.callee.type !== 'MemberExpression') return super.evaluate(node, scope);
    const member = node.callee as Member;
    const object = this.evaluate(member.object, scope);
    if (isUndefined(object)) throw new Error(`${describe(member.object)} is undefined`);
    const name = member.computed ? pythonText(this.evaluate(member.property, scope)) : (member.property as Name).value;
    const args = node.args.map((arg) => this.#argument(arg, scope));
    const own = callMethod(object, name, args.map(resultOf), this.#budget);
    if (own !== undefined) return own;
    const callee = {
      ...member,
      object: constant(object),
      property: { type: 'Identifier', value: name },
      computed: false,
    };
    // Not through `evaluate`, which refuses methods.
    const method = super.evaluate(callee as Member, scope);
    if (method?.type !== 'FunctionValue') throw new Error(`${describe(member.object)} has no method ${name}`);
    const positional = args.filter((arg) => arg.type === 'Constant').map(resultOf);
    const keywords = args.filter((arg) => arg.type === 'KeywordArgumentExpression');
    if (keywords.length > 0) {
      // The library takes keywords as a last argument of a type of its own, which only its calls make.
      const target = { type: 'Identifier', value: METHOD };
      const inner = new Scope(scope);
      inner.setVariable(METHOD, method);
      return super.evaluate({ type: 'CallExpression', callee: target, args } as Call, inner);
    }
    return (method as JinjaFunction).value(positional, scope);
  }

  #filter(node: Filter, scope: JinjaScope): JinjaValue {
    const operand = this.evaluate(node.operand, scope);
    const { filter } = node;
    const call = filter.type === 'CallExpression' ? (filter as Call) : undefined;
    const name = ((call?.callee ?? filter) as Name).value;
    const args = (call?.args ?? []).map((arg) => this.#argument(arg, scope));
    const own = applyFilter(
      { name, operand, args: args.map(resultOf), keywords: keywordsOf(args), scope },
      this.#budget,
    );
    if (own !== undefined) return own;
    // These look at the nodes of their arguments.
    const isByAttribute = name === 'selectattr' || name === 'rejectattr';
    const given = call === undefined || isByAttribute ? filter : { ...call, args };
    return super.evaluate({ ...node, operand: constant(operand), filter: given } as Filter, scope);
  }

  /** An argument with its value in the place of its nodes. */
  #argument(arg: JinjaNode, scope: JinjaScope): JinjaNode {
    switch (arg.type) {
      case 'KeywordArgumentExpression': {
        const { value } = arg as JinjaNode & { readonly value: JinjaNode };
        return { ...arg, value: constant(this.evaluate(value, scope)) } as JinjaNode;
      }
      case 'SpreadExpression':
      case 'KeywordSpreadExpression':
        throw new TemplateLimitError('it spreads arguments');
      default:
        return constant(this.evaluate(arg, scope));
    }
  }

  #writtenSize(value: JinjaValue): number {
    return isText(value) ? value.value.length : this.#budget.sizeOf(value);
  }
}

/** A name that no template can write. */
const METHOD = 'the method that is called';

function isTrue(value: JinjaValue): boolean {
  if (isList(value)) return value.value.length > 0;
  return isMap(value) ? value.value.size > 0 : Boolean(value.value);
}

function compares(operator: '<' | '>' | '<=' | '>=', left: string, right: string): boolean {
  if (operator === '<') return left < right;
  if (operator === '>') return left > right;
  return operator === '<=' ? left <= right : left >= right;
}
