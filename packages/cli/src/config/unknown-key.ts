import { fieldsOf } from './fields.ts';
import { nearest } from './nearest.ts';
import { CONFIG_KINDS, type ConfigKind, kindTitle } from './schema.ts';
import { REFERENCE_NAMES } from './translate-reference.ts';

/** What to say about a key that a kind does not have: the right name, or why there is none. */
export function unknownKeyMessage(kind: ConfigKind, key: string): string {
  const keys = fieldsOf(kind).map((field) => field.key);
  const owners = CONFIG_KINDS.filter((other) => fieldsOf(other).some((field) => field.key === key));
  if (owners.length > 0)
    return `${kindTitle(kind)} does not have this key, only ${owners.map(kindTitle).join(' and ')}.`;
  const reference = inOtherSection(key);
  if (reference !== undefined) return `the reference code has this key as ${reference}, a name that is taken too.`;
  const found = nearest(key, keys);
  return found === undefined
    ? `unknown key. \`dawngrad config show ${kind}\` lists the keys.`
    : `unknown key. Did you mean ${found}?`;
}

/** Names that are too common to mean the reference's key wherever they stand. */
const COMMON = new Set(['name', 'mode', 'k', 'id', 'split', 'alpha', 'project', 'method', 'resume', 'optim', 'seed']);

/** The reference's key of the same name, where that is not common. */
function inOtherSection(key: string): string | undefined {
  const name = key.slice(key.lastIndexOf('.') + 1);
  if (COMMON.has(name)) return undefined;
  return [...REFERENCE_NAMES].find((other) => other !== key && other.slice(other.lastIndexOf('.') + 1) === name);
}
