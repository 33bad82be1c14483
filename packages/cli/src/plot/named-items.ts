import { ToolError } from '@dawngrad/tensor';
import type { PlotItem, PlotSpec } from './plot-spec.ts';

/** An item of a specification under the name that its files have. */
export interface NamedItem extends PlotItem {
  readonly name: string;
}

/** @throws ToolError 'config' where two items would write the same files */
export function itemsOf({ make }: PlotSpec): NamedItem[] {
  const items = make.map((item) => ({ ...item, name: item.name ?? (item.table ?? item.figure)! }));
  const kindOf = ({ table }: NamedItem): string => (table === undefined ? 'figures' : 'tables');
  const keys = items.map((item) => `${kindOf(item)}/${item.name}`);
  const twice = keys.find((key, i) => keys.indexOf(key) !== i);
  if (twice !== undefined) {
    throw new ToolError('config', {
      op: 'make',
      expected: 'a name of its own for every table and figure',
      got: `${twice} twice`,
      hint: 'give one of them another name.',
    });
  }
  return items;
}
