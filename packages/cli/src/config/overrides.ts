import { ToolError } from '@dawngrad/tensor';
import type { ConfigFault } from './config-error.ts';
import { isPlainObject, ownValue, type PlainObject, setOwn } from './plain-object.ts';
import { parseYaml } from './yaml-text.ts';

/** A `key=value` of the command line. */
export interface Override {
  /** As typed. */
  readonly text: string;
  readonly path: readonly string[];
  readonly value: unknown;
}

export interface ParsedOverrides {
  readonly overrides: readonly Override[];
  readonly faults: readonly ConfigFault[];
}

const KEY = /^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*$/;

/**
 * Parses `section.key=value`; the value is YAML, so `1e-5`, `true`, `null` and `[1, 2]` mean what they
 * mean in a file. Throws ToolError 'usage' for a text of another form.
 */
export function parseOverrides(texts: readonly string[]): ParsedOverrides {
  const overrides: Override[] = [];
  const faults: ConfigFault[] = [];
  for (const text of texts) {
    const at = text.indexOf('=');
    const key = text.slice(0, Math.max(0, at));
    if (!KEY.test(key)) {
      throw new ToolError('usage', {
        op: 'arguments',
        expected: 'section.key=value',
        got: JSON.stringify(text),
        hint: '`dawngrad config show` lists the keys.',
      });
    }
    const parsed = parseYaml(text.slice(at + 1), text);
    if (parsed.faults.length > 0) {
      faults.push(...parsed.faults.map(({ message }) => ({ place: text, key, message })));
    } else {
      overrides.push({ text, path: key.split('.'), value: parsed.value });
    }
  }
  return { overrides, faults };
}

/** Writes overrides into a configuration, in order: the last one of a key counts. */
export function applyOverrides(root: PlainObject, overrides: readonly Override[]): ConfigFault[] {
  const faults: ConfigFault[] = [];
  for (const { text, path, value } of overrides) {
    let target = root;
    for (const [i, name] of path.entries()) {
      if (i === path.length - 1) {
        setOwn(target, name, value);
        break;
      }
      const found = ownValue(target, name) ?? {};
      if (!isPlainObject(found)) {
        const parent = path.slice(0, i + 1).join('.');
        faults.push({ place: text, key: path.join('.'), message: `${parent} is a value, not a section.` });
        break;
      }
      setOwn(target, name, found);
      target = found;
    }
  }
  return faults;
}
