import { existsSync, readdirSync, statSync } from 'node:fs';
import { isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { RunLabels } from '@dawngrad/eval';
import { OWN_LABELS, type RunSpec } from './plot-spec.ts';

/** A path that a spec names, with what it says of the run there. */
export interface FoundPath {
  readonly path: string;
  readonly labels: RunLabels;
  /** Rows to fit scales on. */
  readonly calibration?: string;
  /** Folder or name of the model whose tokenizer made the ids. */
  readonly tokenizer?: string;
}

/** Where there is nothing: the pattern with the labels that it was looked for under. */
export interface MissingPath {
  readonly pattern: string;
  readonly labels: RunLabels;
}

export interface RunPaths {
  readonly found: readonly FoundPath[];
  readonly missing: readonly MissingPath[];
}

const PLACEHOLDER = /\{([A-Za-z][A-Za-z0-9_]*)\}/g;
const MAX_DEPTH = 12;

/**
 * The paths of one entry of a spec. `{label}` stands for each of the values that the entry lists, all of which are
 * expected, or else for whatever stands there, which becomes the label.
 */
export function findRunPaths(run: RunSpec, base: string): RunPaths {
  const found = new Map<string, FoundPath>();
  const missing: MissingPath[] = [];
  for (const labels of combinations(listed(run), run.path)) {
    const pattern = fill(run.path, labels);
    const matches = match(resolve(base, pattern));
    if (matches.length === 0) missing.push({ pattern, labels });
    for (const { path, captured } of matches) {
      const all = { ...labels, ...captured };
      found.set(path, {
        path,
        labels: all,
        ...(run.calibration === undefined ? {} : { calibration: resolve(base, fill(run.calibration, all)) }),
        ...(run.tokenizer === undefined ? {} : { tokenizer: modelAt(fill(run.tokenizer, all), base) }),
      });
    }
  }
  return { found: [...found.values()], missing };
}

/** A folder from the place of the specification, or else a name for the hub. */
function modelAt(name: string, base: string): string {
  const folder = resolve(base, name);
  return existsSync(folder) ? folder : name;
}

function listed(run: RunSpec): Record<string, readonly string[]> {
  const own = OWN_LABELS.flatMap((name) => (run[name] === undefined ? [] : [[name, run[name]] as const]));
  return { ...Object.fromEntries(own), ...run.labels };
}

/** One set of labels for every combination of the lists whose label the path names; other lists are joined. */
function combinations(lists: Record<string, readonly string[]>, path: string): RunLabels[] {
  const named = new Set([...path.matchAll(PLACEHOLDER)].map(([, name]) => name!));
  return Object.entries(lists).reduce<RunLabels[]>(
    (all, [name, values]) =>
      named.has(name)
        ? all.flatMap((labels) => values.map((value) => ({ ...labels, [name]: value })))
        : all.map((labels) => ({ ...labels, [name]: values.join('+') })),
    [{}],
  );
}

function fill(pattern: string, labels: RunLabels): string {
  return pattern.replace(PLACEHOLDER, (whole, name: string) => labels[name] ?? whole);
}

interface Match {
  readonly path: string;
  readonly captured: RunLabels;
}

/** What an absolute pattern matches, sorted; a pattern without wildcards matches what is there, whatever it is. */
function match(pattern: string): Match[] {
  if (existsSync(pattern)) return [{ path: pattern, captured: {} }];
  const parts = pattern.split(sep);
  const first = parts.findIndex((part) => /[*?{]/.test(part));
  if (first < 0) return [];
  const root = parts.slice(0, first).join(sep) || (isAbsolute(pattern) ? sep : '.');
  const rest = parts.slice(first);
  const expression = expressionOf(rest);
  const depth = rest.includes('**') ? MAX_DEPTH : rest.length;
  return entriesBelow(root, depth)
    .flatMap((path): Match[] => {
      const found = expression.exec(relative(root, path).split(sep).join('/'));
      return found === null ? [] : [{ path, captured: { ...found.groups } }];
    })
    .sort((a, b) => (a.path < b.path ? -1 : 1));
}

function expressionOf(parts: readonly string[]): RegExp {
  const seen = new Set<string>();
  const source = parts
    .map((part) => {
      if (part === '**') return '(?:[^/]+/)*';
      const text = part.split(/(\*|\?|\{[A-Za-z][A-Za-z0-9_]*\})/).map((piece) => {
        if (piece === '*') return '[^/]*';
        if (piece === '?') return '[^/]';
        const [, name] = /^\{(\w+)\}$/.exec(piece) ?? [];
        if (name === undefined) return piece.replace(/[.+^${}()|[\]\\]/g, '\\$&');
        // A label that comes twice must be the same twice.
        if (seen.has(name)) return `\\k<${name}>`;
        seen.add(name);
        return `(?<${name}>[^/]+?)`;
      });
      return `${text.join('')}/`;
    })
    .join('')
    .replace(/\/$/, '');
  return new RegExp(`^${source}$`);
}

function entriesBelow(root: string, depth: number): string[] {
  if (depth === 0 || statSync(root, { throwIfNoEntry: false })?.isDirectory() !== true) return [];
  return readdirSync(root, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith('.') && name !== 'node_modules')
    .flatMap((entry) => {
      const path = join(root, entry.name);
      if (entry.isDirectory()) return [path, ...entriesBelow(path, depth - 1)];
      // A wildcard means runs: files of other kinds beside them are not meant.
      return entry.name.endsWith('.jsonl') ? [path] : [];
    });
}
