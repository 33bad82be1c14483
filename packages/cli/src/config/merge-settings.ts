import type { ConfigFault } from './config-error.ts';
import { isPlainObject, ownValue, type PlainObject, removeAt, setOwn } from './plain-object.ts';
import { type Setting, UNSET } from './setting.ts';

/** A configuration out of its settings, in order: the last one of a key counts. */
export function mergeSettings(settings: readonly Setting[]): {
  readonly root: PlainObject;
  readonly faults: readonly ConfigFault[];
} {
  const root: PlainObject = {};
  const faults: ConfigFault[] = [];
  for (const { path, value, origin } of settings) {
    if (value === UNSET) {
      removeAt(root, path);
      continue;
    }
    let target = root;
    for (const [i, name] of path.entries()) {
      const found = ownValue(target, name);
      if (i === path.length - 1) {
        // A section without keys takes nothing away.
        const isEmptySection = isPlainObject(value) && Object.keys(value).length === 0;
        if (!(isEmptySection && isPlainObject(found))) setOwn(target, name, isEmptySection ? {} : value);
        break;
      }
      const inner = found ?? {};
      if (!isPlainObject(inner)) {
        const parent = path.slice(0, i + 1).join('.');
        faults.push({ place: origin.place, key: path.join('.'), message: `${parent} is a value, not a section.` });
        break;
      }
      setOwn(target, name, inner);
      target = inner;
    }
  }
  return { root, faults };
}
