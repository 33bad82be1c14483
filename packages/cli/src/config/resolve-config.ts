import type { z } from 'zod';
import { EVALUATION_MODES, evaluationMode } from '../evaluation/evaluation-mode.ts';
import { composeFile } from './compose-file.ts';
import { ConfigError, type ConfigFault } from './config-error.ts';
import { crossFaults } from './cross-checks.ts';
import { fieldsOf } from './fields.ts';
import { interpolateSettings } from './interpolate.ts';
import { mergeSettings } from './merge-settings.ts';
import { nearest } from './nearest.ts';
import { parseOverrides } from './overrides.ts';
import { type PlainObject, removeAt, valueAt } from './plain-object.ts';
import { type Config, type ConfigKind, kindTitle, SCHEMAS } from './schema.ts';
import { leaves, type Origin, overlaps, type Setting, settingsOf } from './setting.ts';
import { otherNameOf, referenceTargets, translateReference } from './translate-reference.ts';
import { unknownKeyMessage } from './unknown-key.ts';

export interface ConfigSources {
  /** A configuration file, already read; the parts that it names are read beside it. */
  readonly file?: { readonly path: string; readonly text: string };
  /** `key=value` texts, which come after the file. */
  readonly overrides?: readonly string[];
  /** Whether the files that the run works on must be named. Default true. */
  readonly needsInputs?: boolean;
  /** Leave out names of the reference code that change nothing, instead of refusing them. Default false. */
  readonly dropDead?: boolean;
  /** What `${oc.env:NAME}` reads. Default the environment of the process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
}

export interface ResolvedConfig<Kind extends ConfigKind> {
  readonly config: Config<Kind>;
  /** Where the value of a key comes from; undefined for a default. */
  readonly originOf: (key: string) => Origin | undefined;
  /** What became of names of the reference code, one line each. */
  readonly notes: readonly string[];
}

/** Fields without which a run has nothing to work on. */
const INPUTS = ['data.path', 'policy.model'];
const SHOWN_CHARACTERS = 60;

/**
 * The configuration of a kind: defaults, then the parts of the file, the file, the overrides. Throws ConfigError with
 * all mistakes at once, and ToolError 'usage' for an override that is not `key=value`.
 */
export function resolveConfig<Kind extends ConfigKind>(kind: Kind, sources: ConfigSources): Config<Kind> {
  return resolveWithOrigins(kind, sources).config;
}

/** As `resolveConfig`, and where each value comes from. */
export function resolveWithOrigins<Kind extends ConfigKind>(kind: Kind, sources: ConfigSources): ResolvedConfig<Kind> {
  const { path, layers, settings, root, notes, faults: earlier } = gatherSettings(kind, sources);
  const placeOf = (at: readonly PropertyKey[]): string => {
    const found = settings.findLast((setting) => overlaps(setting.path, at));
    if (found !== undefined) return found.origin.place;
    const layer = layers.findLast((one) => valueAt(one.root, at.slice(0, 1)) !== undefined);
    return layer === undefined ? path : `${layer.path}:${layer.lineOf(at)}`;
  };
  const faults = [...earlier];
  const { config, fieldFaults } = checkFields(kind, root, placeOf);
  faults.push(...fieldFaults);

  // A rule between fields is not judged by a default that stands in for a value already found wrong.
  const wrong = new Set(faults.flatMap(({ key }) => [key, ...referenceTargets(key)]));
  const crossed = crossFaults(kind, config).filter(({ keys }) => !keys.some((key) => wrong.has(key)));
  faults.push(...crossed.map(({ keys, message }) => ({ place: placeOf(keys[0].split('.')), key: keys[0], message })));
  if (sources.needsInputs ?? true) {
    for (const key of inputsOf(kind, config)) {
      if (valueAt(config, key.split('.')) === null && !wrong.has(key)) {
        faults.push({ place: placeOf(key.split('.')), key, message: 'expected a path, got none.' });
      }
    }
  }
  if (faults.length > 0) throw new ConfigError(path, faults);
  return { config, originOf: originsOf(settings, root), notes };
}

/**
 * The plugins that a configuration names (`run.plugins`), to be loaded before it is resolved, since they add names that
 * its values may have. What is no list of texts is left to `resolveConfig` to refuse.
 */
export function configuredPlugins(kind: ConfigKind, sources: ConfigSources): string[] {
  const paths = valueAt(gatherSettings(kind, sources).root, ['run', 'plugins']);
  return Array.isArray(paths) ? paths.filter((path) => typeof path === 'string' && path !== '') : [];
}

/** What files and command line say, merged, before any value is checked. Throws ConfigError where that is not told. */
function gatherSettings(kind: ConfigKind, sources: ConfigSources) {
  const path = sources.file?.path ?? 'command line';
  const layers = sources.file === undefined ? [] : composeFile(sources.file);
  const { settings: overrides, faults: overrideFaults } = parseOverrides(sources.overrides ?? [], layers.length);
  const said = layers.flatMap(({ path: file, root, lineOf }, layer) =>
    settingsOf(root, (at) => ({ place: `${file}:${lineOf(at)}`, layer })),
  );
  const wrongKind = layers.find((layer) => layer.kind !== undefined && layer.kind !== kind);
  if (wrongKind !== undefined) {
    const message = `expected ${kind}, as for ${kindTitle(kind)}, got ${show(wrongKind.kind)}.`;
    throw new ConfigError(path, [
      { place: `${wrongKind.path}:${wrongKind.lineOf(['kind'])}`, key: 'kind', message },
      ...overrideFaults,
    ]);
  }

  const raw = [...said, ...overrides];
  const lookup = lookupIn(kind, raw);
  const interpolated = interpolateSettings(raw, lookup, sources.env ?? process.env);
  const translated = translateReference(kind, interpolated.settings, { dropDead: sources.dropDead ?? false });
  const { root, faults: mergeFaults } = mergeSettings(translated.settings);
  const faults = [...overrideFaults, ...interpolated.faults, ...translated.faults, ...mergeFaults];
  return { path, layers, settings: translated.settings, root, notes: translated.notes, faults };
}

/** Given completions bring their prompts, and their critic's model its tokens. */
function inputsOf<Kind extends ConfigKind>(kind: Kind, config: Config<Kind>): readonly string[] {
  if (kind !== 'evaluate') return INPUTS;
  const { mode } = (config as Config<'evaluate'>).eval;
  return EVALUATION_MODES[evaluationMode(mode)].samples === 'given' ? [] : INPUTS;
}

/**
 * What names in texts stand for: the last value of a key, whether it was set under our name of it or the reference's.
 */
function lookupIn(kind: ConfigKind, raw: readonly Setting[]): (name: string) => unknown {
  const presets = new Map(fieldsOf(kind).map(({ key, preset }) => [key, preset]));
  const typed = mergeSettings(raw).root;
  const ours = mergeSettings(translateReference(kind, raw, { dropDead: true }).settings).root;
  return (name) => {
    const key = otherNameOf(name) ?? name;
    const path = key.split('.');
    const found = valueAt(ours, path) ?? valueAt(typed, path) ?? valueAt(typed, name.split('.'));
    return found ?? presets.get(key);
  };
}

function originsOf(settings: readonly Setting[], root: PlainObject): (key: string) => Origin | undefined {
  return (key) => {
    const path = key.split('.');
    if (valueAt(root, path) === undefined) return undefined;
    return settings.findLast((setting) => setting.path.join('.') === key)?.origin;
  };
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
        const path = [...issue.path.map(String), name];
        for (const { path: leaf } of leaves(path, valueAt(root, path))) {
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
