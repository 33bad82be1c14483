import { isCollection, LineCounter, parseDocument, visit } from 'yaml';
import type { ConfigFault } from './config-error.ts';

/** YAML 1.2 with nothing that surprises: no tags, no aliases, no duplicate keys, one document. */
const OPTIONS = { version: '1.2', schema: 'core', strict: true, uniqueKeys: true, prettyErrors: false } as const;

export interface YamlText {
  /** What the text says; null for an empty one. */
  readonly value: unknown;
  /** What is wrong with the text as YAML; then `value` is null. */
  readonly faults: readonly ConfigFault[];
  /** The line of the value at a path, or of its nearest ancestor. */
  readonly lineOf: (path: readonly PropertyKey[]) => number;
}

/** Parses YAML text. `source` is the name for messages. Never throws. */
export function parseYaml(text: string, source: string): YamlText {
  const lines = new LineCounter();
  const document = parseDocument(text, { ...OPTIONS, lineCounter: lines });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  const faults: ConfigFault[] = [...document.errors, ...document.warnings].map((problem) => ({
    place: `${source}:${lineAt(problem.pos[0])}`,
    key: '',
    message: problem.message,
  }));
  visit(document, {
    Alias: (_, { source: name, range }) => {
      faults.push({
        place: `${source}:${lineAt(range?.[0] ?? 0)}`,
        key: '',
        message: `alias *${name} is not allowed; write the value out.`,
      });
    },
  });
  const lineOf = (path: readonly PropertyKey[]): number => {
    for (let length = path.length; length > 0; length--) {
      const parent = length === 1 ? document.contents : document.getIn(path.slice(0, length - 1), true);
      const pair = isCollection(parent) ? parent.items.find((item) => isKey(item, path[length - 1]!)) : undefined;
      const offset = offsetOf(pair);
      if (offset !== undefined) return lineAt(offset);
    }
    return 1;
  };
  if (faults.length > 0) return { value: null, faults, lineOf };
  return { value: document.toJS({ maxAliasCount: 0 }), faults, lineOf };
}

function isKey(item: unknown, name: PropertyKey): boolean {
  return isRecord(item) && isRecord(item.key) && String(item.key.value) === String(name);
}

function offsetOf(pair: unknown): number | undefined {
  if (!isRecord(pair) || !isRecord(pair.key) || !Array.isArray(pair.key.range)) return undefined;
  return pair.key.range[0] as number;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
