import { fieldsOf } from './fields.ts';
import { nearest } from './nearest.ts';
import { referenceFate } from './reference-keys.ts';
import { CONFIG_KINDS, type ConfigKind, kindTitle } from './schema.ts';

/** What to say about a key that a kind does not have: the right name, or why there is none. */
export function unknownKeyMessage(kind: ConfigKind, key: string): string {
  const keys = fieldsOf(kind).map((field) => field.key);
  const owners = CONFIG_KINDS.filter((other) => fieldsOf(other).some((field) => field.key === key));
  if (owners.length > 0)
    return `${kindTitle(kind)} does not have this key, only ${owners.map(kindTitle).join(' and ')}.`;
  const fate = referenceFate(key);
  if (fate !== undefined && 'why' in fate) return `this key of the reference code has no use here: ${fate.why}.`;
  if (fate !== undefined) {
    const has = keys.includes(fate.now) ? '' : ` (which ${kindTitle(kind)} does not have)`;
    return `the reference's name; here it is ${fate.now}${has}.`;
  }
  const found = nearest(key, keys);
  return found === undefined
    ? `unknown key. \`dawngrad config show ${kind}\` lists the keys.`
    : `unknown key. Did you mean ${found}?`;
}
