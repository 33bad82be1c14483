import { createHash } from 'node:crypto';
import type { StudyPart } from './part.ts';

const KEY_CHARACTERS = 16;

/** The hash of all that decides what a part results in: two parts with the same key are the same. */
export function partKey(part: StudyPart): string {
  const known = keys.get(part);
  if (known !== undefined) return known;
  const { kind, version, seed, setting, settings } = part;
  const inputs = Object.fromEntries(Object.entries(part.inputs).map(([name, input]) => [name, partKey(input)]));
  const text = canonicalJson({ kind, version, seed, setting, settings, inputs });
  const key = createHash('sha256').update(text).digest('hex').slice(0, KEY_CHARACTERS);
  keys.set(part, key);
  return key;
}

const keys = new WeakMap<StudyPart, string>();

/** JSON that is the same for objects with the same fields, in whatever order. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, held: unknown) => {
    if (typeof held !== 'object' || held === null || Array.isArray(held)) return held;
    return Object.fromEntries(Object.entries(held).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
