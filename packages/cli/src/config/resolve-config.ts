import type { z } from 'zod';
import { ConfigError, type ConfigFault } from './config-error.ts';
import { crossFaults } from './cross-checks.ts';
import { fieldsOf } from './fields.ts';
import { nearest } from './nearest.ts';
import { applyOverrides, type Override, parseOverrides } from './overrides.ts';
import { isPlainObject, type PlainObject, removeAt, valueAt } from './plain-object.ts';
import { type Config, type ConfigKind, SCHEMAS } from './schema.ts';
import { unknownKeyMessage } from './unknown-key.ts';
import { parseYaml } from './yaml-text.ts';

export interface ConfigSources {
  /** A configuration file, already read. */
  readonly file?: { readonly path: string; readonly text: string };
  /** `key=value` texts, which come after the file. */
  readonly overrides?: readonly string[];
  /** Whether the files that the run works on must be named. Default true. */
  readonly needsInputs?: boolean;
}

/** Fields without which a run has nothing to work on. */
const INPUTS = ['data.path', 'policy.model'];
const SHOWN_CHARACTERS = 60;

/**
 * The configuration of a kind: defaults, then the file, then the overrides. Throws ConfigError with all
 * mistakes at once, and ToolError 'usage' for an override that is not `key=value`.
 */
export function resolveConfig<Kind extends ConfigKind>(kind: Kind, sources: ConfigSources): Config<Kind> {
  const path = sources.file?.path ?? 'command line';
  const { overrides, faults: overrideFaults } = parseOverrides(sources.overrides ?? []);
  const yaml = parseYaml(sources.file?.text ?? '', path);
  if (yaml.faults.length > 0) throw new ConfigError(path, [...yaml.faults, ...overrideFaults]);
  const root = yaml.value ?? {};
  if (!isPlainObject(root)) {
    const message = `expected sections such as "policy:", got ${show(root)}.`;
    throw new ConfigError(path, [{ place: `${path}:1`, key: '', message }, ...overrideFaults]);
  }
  const placeOf = (at: readonly PropertyKey[]): string =>
    overridden(overrides, at) ?? (valueAt(root, at.slice(0, 1)) === undefined ? path : `${path}:${yaml.lineOf(at)}`);
  const faults = [...overrideFaults, ...applyOverrides(root, overrides)];
  const { config, fieldFaults } = checkFields(kind, root, placeOf);
  faults.push(...fieldFaults);

  // A rule between fields is not judged by a default that stands in for a value already found wrong.
  const wrong = new Set(faults.map(({ key }) => key));
  const crossed = crossFaults(kind, config).filter(({ keys }) => !keys.some((key) => wrong.has(key)));
  faults.push(...crossed.map(({ keys, message }) => ({ place: placeOf(keys[0].split('.')), key: keys[0], message })));
  if (sources.needsInputs ?? true) {
    for (const key of INPUTS) {
      if (valueAt(config, key.split('.')) === null && !wrong.has(key)) {
        faults.push({ place: placeOf(key.split('.')), key, message: 'expected a path, got none.' });
      }
    }
  }
  if (faults.length > 0) throw new ConfigError(path, faults);
  return config;
}

/** Checks each field alone. The configuration returned has the default where a field is wrong. */
function checkFields<Kind extends ConfigKind>(
  kind: Kind,
  root: PlainObject,
  placeOf: (path: readonly PropertyKey[]) => string,
): { config: Config<Kind>; fieldFaults: ConfigFault[] } {
  const schema: z.ZodType = SCHEMAS[kind];
  const first = schema.safeParse(root);
  if (first.success) return { config: first.data as Config<Kind>, fieldFaults: [] };
  const fieldFaults: ConfigFault[] = [];
  const wrong: PropertyKey[][] = [];
  for (const issue of first.error.issues) {
    if (issue.code === 'unrecognized_keys') {
      for (const name of issue.keys) {
        const path = [...issue.path, name];
        for (const leaf of leaves(path, valueAt(root, path))) {
          const key = leaf.join('.');
          fieldFaults.push({ place: placeOf(leaf), key, message: unknownKeyMessage(kind, key) });
        }
        wrong.push(path);
      }
    } else {
      const value = valueAt(root, issue.path);
      const message = `expected ${expectation(issue)}, got ${show(value)}.${suggestValue(issue, value)}`;
      fieldFaults.push({ place: placeOf(issue.path), key: issue.path.join('.'), message });
      wrong.push([...issue.path]);
    }
  }
  for (const path of wrong) removeAt(root, ofField(kind, path));
  return { config: schema.parse(root) as Config<Kind>, fieldFaults };
}

/** The path of the field that a path lies in: a list is one field. */
function ofField(kind: ConfigKind, path: readonly PropertyKey[]): readonly PropertyKey[] {
  const field = fieldsOf(kind).find(({ key }) => path.join('.').startsWith(`${key}.`));
  return field === undefined ? path : field.key.split('.');
}

/** The paths of all values under a path, so that each key of an unknown section is answered. */
function leaves(path: readonly PropertyKey[], value: unknown): (readonly PropertyKey[])[] {
  if (!isPlainObject(value) || Object.keys(value).length === 0) return [path];
  return Object.keys(value).flatMap((name) => leaves([...path, name], value[name]));
}

function expectation(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_type' && issue.expected === 'object') return 'a section of keys';
  // A tuple of another length; the other messages are written beside the fields.
  if (issue.code === 'too_big' || issue.code === 'too_small') {
    if (issue.origin === 'array' && !issue.message.startsWith('at least')) return 'a pair [low, high] or null';
  }
  return issue.message;
}

function suggestValue(issue: z.core.$ZodIssue, value: unknown): string {
  if (issue.code !== 'invalid_value' || typeof value !== 'string') return '';
  const found = nearest(value, issue.values.map(String));
  return found === undefined ? '' : ` Did you mean ${found}?`;
}

function show(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'number') return String(value);
  const text = JSON.stringify(value);
  return text.length > SHOWN_CHARACTERS ? `${text.slice(0, SHOWN_CHARACTERS)}...` : text;
}

function overridden(overrides: readonly Override[], path: readonly PropertyKey[]): string | undefined {
  const key = path.join('.');
  return overrides.findLast((override) => {
    const own = override.path.join('.');
    return key === own || key.startsWith(`${own}.`) || own.startsWith(`${key}.`);
  })?.text;
}
