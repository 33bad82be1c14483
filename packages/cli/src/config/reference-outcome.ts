/** What a value under a name of the reference code comes to here. */
export type Outcome =
  /** The keys that it sets, and why those values, where that is not plain. */
  | { readonly set: Readonly<Record<string, unknown>>; readonly because?: string }
  /** It asks for what happens anyway. */
  | { readonly nothing: string }
  | Refusal;

export interface Refusal {
  readonly refuse: string;
  /** The reference does not read it either, or it is about another engine: leaving it out changes nothing. */
  readonly dead?: boolean;
}

/** The configuration that a value is translated for. */
export interface Target {
  readonly kind: string;
  /** Whether the kind has a key. */
  readonly has: (key: string) => boolean;
  /** What a key of ours is so far: as set, or its default. */
  readonly value: (key: string) => unknown;
  /** Whether something sets a key of ours. */
  readonly isSet: (key: string) => boolean;
}

/** The values given under the names of a rule; a name that is not given, or is null, is not in it. */
export type Given = ReadonlyMap<string, unknown>;

/** Names of the reference that mean something only together. */
export interface ReferenceRule {
  readonly names: readonly string[];
  /** The keys that it may set, each with the names that say most of it. */
  readonly to: Readonly<Record<string, readonly string[]>>;
  readonly translate: (given: Given, target: Target) => Outcome;
}

/** A name that becomes one or several keys, its value perhaps another. */
export interface Renamed {
  readonly to: readonly string[];
  readonly value?: (value: unknown, target: Target) => Outcome | { readonly value: unknown };
}

export type ReferenceEntry = Renamed | Refusal;

/** Refuses a value of another kind than the reference has. */
export function unexpected(expected: string, value: unknown): Refusal {
  return { refuse: `expected ${expected}, got ${JSON.stringify(value)}` };
}
