import { stringify } from 'yaml';
import { fieldsOf } from './fields.ts';
import { valueAt } from './plain-object.ts';
import { type Config, type ConfigKind, kindTitle } from './schema.ts';
import { referenceNamesOf } from './translate-reference.ts';

/** A configuration as YAML, with the help, the unit and the reference's names of every key above it. */
export function configText<Kind extends ConfigKind>(kind: Kind, config: Config<Kind>): string {
  const lines = [`# ${kindTitle(kind)}`];
  let open: string[] = [];
  for (const { key, unit, help } of fieldsOf(kind)) {
    const path = key.split('.');
    const sections = path.slice(0, -1);
    const shared = sections.findIndex((name, i) => name !== open[i]);
    const from = shared < 0 ? sections.length : shared;
    for (const [i, name] of sections.entries()) {
      if (i >= from) lines.push(`${'  '.repeat(i)}${name}:`);
    }
    open = sections;
    const indent = '  '.repeat(sections.length);
    const value = stringify(valueAt(config, path), { collectionStyle: 'flow', lineWidth: 0 }).trim();
    const names = referenceNamesOf(key);
    const reference = names.length === 0 ? '' : `; reference: ${names.join(', ')}`;
    lines.push(`${indent}# ${help} (${unit}${reference})`, `${indent}${path.at(-1)}: ${value}`);
  }
  return `${lines.join('\n')}\n`;
}
