import { existsSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { ConfigError } from './config-error.ts';
import { isPlainObject, ownValue, type PlainObject } from './plain-object.ts';
import { readConfigFile } from './read-config-file.ts';
import { parseYaml, type YamlText } from './yaml-text.ts';

/** A file of a configuration, without the keys that say what it is made of. */
export interface ConfigLayer {
  readonly path: string;
  readonly root: PlainObject;
  readonly lineOf: YamlText['lineOf'];
  /** What it says it configures, as `kind: irl`. */
  readonly kind: unknown;
}

/** Folder of parts that files below its parent share. */
const PARTS = '_parts';
const MAX_DEPTH = 12;
const MAX_FILES = 200;
const HYDRA = /^(?:override\s+)?hydra\//;

/**
 * The files that a configuration is made of, lowest first. `defaults:` lists the parts, each a path without `.yaml`,
 * relative to the file that names it or to the nearest folder `_parts` above it. Where two say something of one key the
 * last one counts, and the file itself comes after its parts unless `_self_` stands in the list. Throws ConfigError for a part that
 * is missing, for parts that need themselves and for too many of them, with the chain of files.
 */
export function composeFile(file: { readonly path: string; readonly text: string }): ConfigLayer[] {
  const layers: ConfigLayer[] = [];
  add(file, [file.path], layers);
  return layers;
}

function add(
  { path, text }: { readonly path: string; readonly text: string },
  chain: readonly string[],
  layers: ConfigLayer[],
): void {
  const yaml = parseYaml(text, path);
  if (yaml.faults.length > 0) throw new ConfigError(chain[0] as string, yaml.faults);
  const root = yaml.value ?? {};
  const refuse = (at: number, key: string, message: string): never => {
    throw new ConfigError(chain[0] as string, [{ place: `${path}:${at}`, key, message }]);
  };
  if (!isPlainObject(root)) {
    refuse(1, '', `expected sections such as "policy:", got ${JSON.stringify(root)}.`);
    return;
  }
  const { defaults: _, kind: __, ...own } = root;
  const self: ConfigLayer = { path, root: own, lineOf: yaml.lineOf, kind: ownValue(root, 'kind') };
  const line = yaml.lineOf(['defaults']);
  const names = partNames(ownValue(root, 'defaults'), (message) => refuse(line, 'defaults', message));
  for (const name of names) {
    if (name === '_self_') {
      layers.push(self);
      continue;
    }
    const part = findPart(path, name) ?? refuse(line, 'defaults', missing(path, name, chain));
    if (chain.some((path) => resolve(path) === resolve(part)))
      refuse(line, 'defaults', `a part needs itself: ${[...chain, part].join(' -> ')}.`);
    if (chain.length >= MAX_DEPTH || layers.length >= MAX_FILES) {
      refuse(line, 'defaults', `more than ${MAX_DEPTH} deep or ${MAX_FILES} files: ${[...chain, part].join(' -> ')}.`);
    }
    add(readConfigFile(part), [...chain, part], layers);
  }
  if (!names.includes('_self_')) layers.push(self);
}

function partNames(defaults: unknown, refuse: (message: string) => never): string[] {
  if (defaults === undefined || defaults === null) return [];
  if (!Array.isArray(defaults)) return refuse('expected a list of parts, such as [models/qwen7b].');
  const names = defaults.flatMap((entry): string[] => {
    if (typeof entry === 'string' && /^[^\s:]+$/.test(entry)) return [entry];
    // How Hydra itself logs is no part of a configuration, and stands in every file of the reference code.
    const keys = isPlainObject(entry) ? Object.keys(entry) : [];
    if (keys.length === 1 && HYDRA.test(keys[0] as string)) return [];
    return refuse(`expected a part such as models/qwen7b, got ${JSON.stringify(entry)}.`);
  });
  if (names.filter((name) => name === '_self_').length > 1) refuse('_self_ stands twice.');
  return names;
}

/** As a path from the working folder, where it lies in there. */
function findPart(from: string, name: string): string | undefined {
  const file = /\.ya?ml$/.test(name) ? name : `${name}.yaml`;
  const beside = resolve(dirname(from));
  const places = [resolve(beside, file)];
  for (let folder = beside; ; folder = dirname(folder)) {
    places.push(join(folder, PARTS, file));
    if (dirname(folder) === folder) break;
  }
  const found = places.find((path) => existsSync(path));
  if (found === undefined) return undefined;
  const inside = relative('', found);
  return inside.startsWith('..') ? found : inside;
}

function missing(from: string, name: string, chain: readonly string[]): string {
  const needed = chain.length > 1 ? ` (needed by ${chain.join(' -> ')})` : '';
  return `there is no part ${name} beside ${from} or in a folder ${PARTS} above it${needed}.`;
}
