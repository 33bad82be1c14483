import type { ConfigFault } from './config-error.ts';
import { type Setting, UNSET } from './setting.ts';

/** `${name}`, `${oc.env:NAME}` or `${oc.env:NAME,default}`; `\${` is the text itself. */
const REFERENCE = /\\\$\{|\$\{(?<name>[^${}]*)\}/g;
const WHOLE = /^\$\{(?<name>[^${}]*)\}$/;
const NAME = /^[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*$/;
const ENVIRONMENT = /^oc\.env:\s*(?<name>[A-Za-z_]\w*)\s*(?:,(?<preset>.*))?$/;

/** What a name of an interpolation stands for; undefined where there is nothing of that name. */
export type Lookup = (name: string) => unknown;

/**
 * Replaces `${section.key}` in texts by the value that the key has in the end, wherever it is set, as OmegaConf does:
 * a text that is nothing else takes the value with its type. `env` is the environment that `${oc.env:NAME}` reads.
 */
export function interpolateSettings(
  settings: readonly Setting[],
  lookup: Lookup,
  env: Readonly<Record<string, string | undefined>>,
): { readonly settings: readonly Setting[]; readonly faults: readonly ConfigFault[] } {
  const faults: ConfigFault[] = [];
  const resolved = settings.map((setting) => {
    if (setting.value === UNSET) return setting;
    const key = setting.path.join('.');
    try {
      const value = interpolate(setting.value, lookup, env, [key]);
      return value === setting.value ? setting : { ...setting, value };
    } catch (error) {
      if (!(error instanceof InterpolationError)) throw error;
      faults.push({ place: setting.origin.place, key, message: error.message });
      return { ...setting, value: undefined };
    }
  });
  return { settings: resolved.filter(({ value }) => value !== undefined), faults };
}

class InterpolationError extends Error {}

/** @param chain keys whose values are being looked up, the first one outermost */
function interpolate(
  value: unknown,
  lookup: Lookup,
  env: Readonly<Record<string, string | undefined>>,
  chain: readonly string[],
): unknown {
  if (Array.isArray(value)) {
    const items = value.map((item) => interpolate(item, lookup, env, chain));
    return items.every((item, i) => item === value[i]) ? value : items;
  }
  if (typeof value !== 'string' || !value.includes('${')) return value;
  const whole = WHOLE.exec(value)?.groups?.name;
  if (whole !== undefined) return resolve(whole, lookup, env, chain);
  const text = value.replace(REFERENCE, (match, name: string | undefined) => {
    if (name === undefined) return '${';
    const inner = resolve(name, lookup, env, chain);
    if (typeof inner === 'object') {
      throw new InterpolationError(`${match} is ${inner === null ? 'not set' : 'not a text'}, but stands in one.`);
    }
    return String(inner);
  });
  if (/(?<!\\)\$\{/.test(value.replace(REFERENCE, ''))) {
    throw new InterpolationError(`expected \${section.key}, got ${JSON.stringify(value)}.`);
  }
  return text;
}

function resolve(
  name: string,
  lookup: Lookup,
  env: Readonly<Record<string, string | undefined>>,
  chain: readonly string[],
): unknown {
  const variable = ENVIRONMENT.exec(name)?.groups;
  if (variable !== undefined) {
    const found = env[variable.name as string] ?? variable.preset?.trim();
    if (found === undefined) throw new InterpolationError(`the environment has no ${variable.name}, nor a default.`);
    return found;
  }
  if (!NAME.test(name)) throw new InterpolationError(`expected \${section.key}, got \${${name}}.`);
  if (chain.includes(name)) {
    throw new InterpolationError(`the value needs itself: ${[...chain, name].join(' -> ')}.`);
  }
  const found = lookup(name);
  if (found === undefined) throw new InterpolationError(`\${${name}} names a key that nothing sets.`);
  return interpolate(found, lookup, env, [...chain, name]);
}
