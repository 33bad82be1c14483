import {
  isList,
  isMap,
  isText,
  isUndefined,
  type JinjaMap,
  type JinjaValue,
  jinjaText,
  toJinja,
  UNDEFINED,
} from './jinja.ts';
import type { For, Name } from './jinja-nodes.ts';

export function itemsOf(value: JinjaValue): readonly JinjaValue[] {
  if (isList(value)) return value.value;
  if (isMap(value)) return [...value.value.keys()].map(jinjaText);
  if (isText(value)) return [...value.value].map(jinjaText);
  if (isUndefined(value)) return [];
  throw new Error(`a loop over ${value.type === 'NullValue' ? 'none' : value.type}`);
}

export function bindings(loopvar: For['loopvar'], item: JinjaValue): readonly (readonly [string, JinjaValue])[] {
  if (loopvar.type !== 'TupleLiteral') return [[loopvar.value as string, item]];
  const names = loopvar.value as readonly Name[];
  const values = itemsOf(item);
  if (values.length !== names.length) throw new Error(`${names.length} loop variables for ${values.length} values`);
  return names.map((name, i) => [name.value, values[i]!] as const);
}

export function loopValue(items: readonly JinjaValue[], i: number): JinjaValue {
  const loop = toJinja({
    index: i + 1,
    index0: i,
    revindex: items.length - i,
    revindex0: items.length - i - 1,
    first: i === 0,
    last: i === items.length - 1,
    length: items.length,
  }) as JinjaMap;
  loop.value.set('previtem', items[i - 1] ?? UNDEFINED);
  loop.value.set('nextitem', items[i + 1] ?? UNDEFINED);
  return loop;
}
