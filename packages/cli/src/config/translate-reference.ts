import type { ConfigFault } from './config-error.ts';
import { fieldsOf } from './fields.ts';
import { mergeSettings } from './merge-settings.ts';
import { valueAt } from './plain-object.ts';
import type { Given, Outcome, Target } from './reference-outcome.ts';
import { REFERENCE_RULES } from './reference-rules.ts';
import { REFERENCE_TABLE } from './reference-table.ts';
import { CONFIG_KINDS, type ConfigKind, kindTitle } from './schema.ts';
import { overlaps, type Setting, sameValue, UNSET } from './setting.ts';

export interface Translation {
  readonly settings: readonly Setting[];
  /** What became of each name of the reference, one line each. */
  readonly notes: readonly string[];
  readonly faults: readonly ConfigFault[];
}

interface TranslationOptions {
  /** Leave out names that change nothing in the reference either, instead of refusing them. */
  readonly dropDead: boolean;
}

/**
 * Replaces names of the reference code by ours, with the values that mean the same. A value comes in at the layer that
 * says it, so a later file or the command line may change it under either name; two names for one thing in the same
 * layer have to agree.
 */
export function translateReference(
  kind: ConfigKind,
  settings: readonly Setting[],
  { dropDead }: TranslationOptions,
): Translation {
  const { given, rest } = splitNames(kind, settings);
  const translated: Setting[] = [];
  const notes: string[] = [];
  const faults: ConfigFault[] = [];
  const target = targetOf(kind, () => byLayer([...rest, ...translated]));
  const take = (names: readonly string[], outcome: Outcome): void => {
    const used = names.flatMap((name) => given.get(name) ?? []);
    const last = used.reduce((a, b) => (b.origin.layer >= a.origin.layer ? b : a));
    const said = used.map(({ path, value }) => `${path.join('.')}=${shown(value)}`).join(' ');
    // Of names that are read together, the one that says most of a key.
    const speaker = (key?: string): Setting =>
      used.findLast(({ path }) => key !== undefined && referenceTargets(path.join('.')).includes(key)) ?? last;
    const refuse = (message: string, { origin, path } = last): void => {
      faults.push({ place: origin.place, key: path.join('.'), message });
    };
    if ('refuse' in outcome) {
      const why = `this key of the reference code has no use here: ${outcome.refuse}.`;
      if (outcome.dead !== true) refuse(`${outcome.refuse}.`);
      else if (dropDead) notes.push(`${said} left out: ${outcome.refuse}`);
      else refuse(`${why} Leave it out; --drop-dead-keys does.`);
      return;
    }
    if ('nothing' in outcome) {
      notes.push(`${said}: ${outcome.nothing}`);
      return;
    }
    const missing = Object.keys(outcome.set).find((key) => !target.has(key));
    if (missing !== undefined) {
      refuse(missingKey(kind, missing), speaker(missing));
      return;
    }
    for (const [key, value] of Object.entries(outcome.set)) {
      const { origin, path } = speaker(key);
      const setting = {
        path: key.split('.'),
        value,
        origin: { place: origin.place, layer: last.origin.layer, reference: path.join('.') },
      };
      const other = [...rest, ...translated].find((found) => isConflict(found, setting));
      if (other === undefined) translated.push(setting);
      else
        refuse(`it says ${key}=${shown(value)}, and ${other.origin.place} says ${shown(other.value)}. Leave one out.`);
    }
    const because = outcome.because === undefined ? '' : ` (${outcome.because})`;
    const ours = Object.entries(outcome.set).map(([key, value]) => `${key}=${shown(value)}`);
    notes.push(`${said} -> ${ours.join(' ')}${because}`);
  };
  // What stands alone comes first, since rules look at it.
  for (const [name, setting] of given) {
    const entry = Object.hasOwn(REFERENCE_TABLE, name) ? REFERENCE_TABLE[name] : undefined;
    if (entry !== undefined) take([name], outcomeOf(entry, setting.value, target));
  }
  for (const { names, translate } of REFERENCE_RULES) {
    const known = names.filter((name) => given.has(name));
    const values: Given = new Map(known.map((name) => [name, given.get(name)?.value]));
    if (known.length > 0) take(known, translate(values, target));
  }
  return { settings: byLayer([...rest, ...translated]), notes, faults };
}

function outcomeOf(entry: (typeof REFERENCE_TABLE)[string], value: unknown, target: Target): Outcome {
  if ('refuse' in entry) return entry;
  const outcome = entry.value?.(value, target) ?? { value };
  if (!('value' in outcome)) return outcome;
  // Of keys for the policy and the critic, a kind without a critic has one.
  const some = entry.to.filter((key) => target.has(key));
  return { set: Object.fromEntries((some.length > 0 ? some : entry.to).map((key) => [key, outcome.value])) };
}

/** The last setting of each name of the reference that says something, and the settings of other keys. */
function splitNames(
  kind: ConfigKind,
  settings: readonly Setting[],
): { readonly given: ReadonlyMap<string, Setting>; readonly rest: readonly Setting[] } {
  const own = new Set(fieldsOf(kind).map(({ key }) => key));
  const given = new Map<string, Setting>();
  const rest: Setting[] = [];
  for (const setting of settings) {
    const key = setting.path.join('.');
    if (setting.value === UNSET) {
      for (const [name, { path }] of given) if (overlaps(path, setting.path)) given.delete(name);
      rest.push(setting);
    } else if (own.has(key) || !REFERENCE_NAMES.has(key)) {
      rest.push(setting);
    } else if (setting.value !== null) {
      given.set(key, setting);
    }
  }
  return { given, rest };
}

function targetOf(kind: ConfigKind, settings: () => readonly Setting[]): Target {
  const fields = new Map(fieldsOf(kind).map((field) => [field.key, field]));
  const set = (key: string): unknown => valueAt(mergeSettings(settings()).root, key.split('.'));
  return {
    kind,
    has: (key) => fields.has(key),
    isSet: (key) => set(key) !== undefined,
    value: (key) => {
      const found = set(key);
      return found === undefined ? fields.get(key)?.preset : found;
    },
  };
}

/** Whether two settings of one layer say different things of one key under different names. */
function isConflict(a: Setting, b: Setting): boolean {
  const name = ({ path, origin }: Setting): string => origin.reference ?? path.join('.');
  return (
    a.origin.layer === b.origin.layer &&
    sameValue(a.path, b.path) &&
    name(a) !== name(b) &&
    !sameValue(a.value, b.value)
  );
}

function missingKey(kind: ConfigKind, key: string): string {
  const exists = CONFIG_KINDS.some((other) => fieldsOf(other).some((field) => field.key === key));
  return exists
    ? `the reference's name; here it is ${key} (which ${kindTitle(kind)} does not have).`
    : `the reference's name of ${key}, which is not part of this version.`;
}

function byLayer(settings: readonly Setting[]): Setting[] {
  return settings.toSorted((a, b) => a.origin.layer - b.origin.layer);
}

function shown(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** Every name of the reference that is answered. */
export const REFERENCE_NAMES: ReadonlySet<string> = new Set([
  ...Object.keys(REFERENCE_TABLE),
  ...REFERENCE_RULES.flatMap(({ names }) => names),
]);

/** The keys of ours that a name of the reference says. */
export function referenceTargets(name: string): readonly string[] {
  return targetsByName.get(name) ?? [];
}

/** The key that a name of the reference is no more than another name of, if it is that. */
export function otherNameOf(name: string): string | undefined {
  const entry = Object.hasOwn(REFERENCE_TABLE, name) ? REFERENCE_TABLE[name] : undefined;
  if (entry !== undefined && 'to' in entry && entry.value === undefined) return entry.to[0];
  return OTHER_NAMES[name];
}

/** Names that rules read, and that mean a key alone all the same. */
const OTHER_NAMES: Readonly<Record<string, string | undefined>> = {
  'model.name': 'policy.model',
  'model.policy_name': 'policy.model',
  'model.policy_lora_rank': 'policy.lora.rank',
  'model.reward_lora_rank': 'critic.lora.rank',
  'sampling.num_generations': 'sampling.group_size',
};

/** The names under which the reference has what a key of ours says. */
export function referenceNamesOf(key: string): readonly string[] {
  return [...targetsByName].filter(([, keys]) => keys.includes(key)).map(([name]) => name);
}

const targetsByName = new Map<string, readonly string[]>([
  ...Object.entries(REFERENCE_TABLE).map(([name, entry]) => [name, 'to' in entry ? entry.to : []] as const),
  ...REFERENCE_RULES.flatMap(({ names, to }) =>
    names.map((name) => [name, Object.keys(to).filter((key) => to[key]?.includes(name))] as const),
  ),
]);
