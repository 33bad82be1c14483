import { checkReplace, strip } from './call-method.ts';
import { isList, isText, type JinjaScope, type JinjaValue, jinjaList, jinjaText } from './jinja.ts';
import { pythonText } from './python-values.ts';
import type { WorkBudget } from './work-budget.ts';

interface FilterCall {
  readonly name: string;
  readonly operand: JinjaValue;
  readonly args: readonly JinjaValue[];
  readonly keywords: ReadonlyMap<string, JinjaValue>;
  readonly scope: JinjaScope;
}

const MAX_INDENT = 16;

/**
 * Applies the filters that the library lacks or gets wrong, and checks those whose result can be far larger than what
 * they are given; undefined where the library may go on.
 */
export function applyFilter(call: FilterCall, budget: WorkBudget): JinjaValue | undefined {
  const { name, operand, args, keywords } = call;
  if (isText(operand)) budget.spend(operand.value.length / 16);
  switch (name) {
    case 'trim':
      if (isText(operand)) return jinjaText(strip(operand.value, 'strip', args[0]));
      break;
    case 'string':
      budget.spend(budget.sizeOf(operand) / 16);
      return jinjaText(pythonText(operand));
    case 'select':
    case 'reject':
      if (isList(operand)) return select(call, operand.value, budget);
      break;
    case 'replace':
      if (isText(operand)) checkReplace(operand.value, args, budget);
      break;
    case 'sort':
    case 'unique':
    case 'dictsort':
      budget.spend(budget.sizeOf(operand) / 16);
      break;
    case 'join': {
      budget.spend(budget.sizeOf(operand) / 16);
      const separator = args[0] ?? keywords.get('separator');
      if (!isList(operand) || separator === undefined || !isText(separator)) break;
      budget.checkSize(budget.sizeOf(operand) + operand.value.length * separator.value.length);
      break;
    }
    case 'indent': {
      const width = args[0] ?? keywords.get('width');
      checkIndent(width);
      break;
    }
    case 'tojson': {
      if (operand.type === 'NamespaceValue') throw new Error('a namespace has no JSON');
      checkIndent(keywords.get('indent') ?? args[0]);
      for (const item of listOf(keywords.get('separators')))
        if (isText(item)) budget.checkSize(item.value.length, MAX_INDENT);
      budget.spend(budget.sizeOf(operand) / 16);
    }
  }
  return undefined;
}

function select({ name, args, scope }: FilterCall, items: readonly JinjaValue[], budget: WorkBudget): JinjaValue {
  const [test, ...rest] = args;
  const predicate = test === undefined ? undefined : scope.tests.get(pythonText(test));
  if (test !== undefined && predicate === undefined) throw new Error(`Unknown test: ${pythonText(test)}`);
  budget.spend(items.length);
  const kept = items.filter((item) => (predicate?.(item, ...rest) ?? Boolean(item.value)) === (name === 'select'));
  return jinjaList(kept);
}

function checkIndent(width: JinjaValue | undefined): void {
  if (width === undefined || width.type === 'NullValue') return;
  if (width.type !== 'IntegerValue' || (width.value as number) < 0 || (width.value as number) > MAX_INDENT) {
    throw new Error(`an indent that is not from 0 to ${MAX_INDENT}`);
  }
}

function listOf(value: JinjaValue | undefined): readonly JinjaValue[] {
  return value !== undefined && isList(value) ? value.value : [];
}
