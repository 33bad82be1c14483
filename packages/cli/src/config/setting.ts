import { isPlainObject, type PlainObject } from './plain-object.ts';

/** Where a value comes from. */
export interface Origin {
  /** `file:line`, or the override as typed. */
  readonly place: string;
  /** A file that comes earlier is a lower layer; the command line is the highest. */
  readonly layer: number;
  /** The key it was written under, where that is a name of the reference code. */
  readonly reference?: string;
}

/** A value at a dotted path, as one layer of a configuration sets it. A list is one value. */
export interface Setting {
  readonly path: readonly string[];
  readonly value: unknown;
  readonly origin: Origin;
}

/** Takes back what lower layers and earlier overrides set at a path or under it. */
export const UNSET = Symbol('unset');

/** The settings that a parsed file makes, one for each value. */
export function settingsOf(root: PlainObject, origin: (path: readonly string[]) => Origin): Setting[] {
  return leaves([], root).map(({ path, value }) => ({ path, value, origin: origin(path) }));
}

/** The values under a path; an empty section is a value, so that its name is checked too. */
export function leaves(
  path: readonly string[],
  value: unknown,
): { readonly path: readonly string[]; readonly value: unknown }[] {
  if (!isPlainObject(value) || (Object.keys(value).length === 0 && path.length > 0)) return [{ path, value }];
  return Object.keys(value).flatMap((name) => leaves([...path, name], value[name]));
}

/** Whether one path is the other or lies inside it. */
export function overlaps(a: readonly PropertyKey[], b: readonly PropertyKey[]): boolean {
  return a.slice(0, b.length).every((name, i) => name === b[i]);
}

/** Equal as YAML values. */
export function sameValue(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
