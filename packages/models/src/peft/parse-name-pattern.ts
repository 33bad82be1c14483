import { ToolError } from '@dawngrad/tensor';

const MAX_PATTERN_CHARACTERS = 4096;
const MAX_REPEATS = 1000;
const MAX_DEPTH = 64;

/** A part of a pattern. `id` numbers all parts of one pattern from 0. */
export type PatternNode = { readonly id: number } & (
  | { readonly kind: 'character'; readonly accepts: (character: string) => boolean }
  | { readonly kind: 'start' | 'end' }
  | { readonly kind: 'look-ahead'; readonly isPositive: boolean; readonly body: PatternNode }
  | { readonly kind: 'alternatives'; readonly options: readonly PatternNode[] }
  | { readonly kind: 'sequence'; readonly parts: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly body: PatternNode; readonly min: number; readonly max: number }
);

type Accepts = (character: string) => boolean;

/** Letters after a backslash that stand for a class. Module names are ASCII, so Unicode's letters do not matter. */
const CLASS_ESCAPES: ReadonlyMap<string, Accepts> = new Map<string, Accepts>([
  ['d', (c) => /^[0-9]$/.test(c)],
  ['D', (c) => !/^[0-9]$/.test(c)],
  ['w', (c) => /^\w$/.test(c)],
  ['W', (c) => !/^\w$/.test(c)],
  ['s', (c) => /^\s$/.test(c)],
  ['S', (c) => !/^\s$/.test(c)],
]);

/** Parses a pattern; see `compileNamePattern` for what is understood. `count`: nodes in all. */
export function parseNamePattern(file: string, text: string): { readonly root: PatternNode; readonly count: number } {
  if (text.length > MAX_PATTERN_CHARACTERS) {
    throw new ToolError('config', {
      op: file,
      expected: `a pattern of at most ${MAX_PATTERN_CHARACTERS} characters`,
      got: `one of ${text.length}`,
    });
  }
  const parser = new Parser(file, text);
  return { root: parser.whole(), count: parser.count };
}

class Parser {
  readonly #file: string;
  readonly #text: string;
  #at = 0;
  #depth = 0;
  count = 0;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  whole(): PatternNode {
    const root = this.#alternatives();
    if (this.#at < this.#text.length) throw this.#error('no ) without (');
    return root;
  }

  #alternatives(): PatternNode {
    if (++this.#depth > MAX_DEPTH) throw this.#error(`groups at most ${MAX_DEPTH} deep`);
    const options = [this.#sequence()];
    while (this.#take('|')) options.push(this.#sequence());
    this.#depth--;
    return options.length === 1 ? options[0]! : { id: this.count++, kind: 'alternatives', options };
  }

  #sequence(): PatternNode {
    const parts: PatternNode[] = [];
    while (this.#at < this.#text.length && !'|)'.includes(this.#text[this.#at]!)) parts.push(this.#repeated());
    return parts.length === 1 ? parts[0]! : { id: this.count++, kind: 'sequence', parts };
  }

  #repeated(): PatternNode {
    const body = this.#atom();
    const range = this.#range();
    if (range === undefined) return body;
    // The lazy form; in a full match it reaches the same places.
    this.#take('?');
    if ('*+?{'.includes(this.#text[this.#at] ?? ' ')) {
      // A second quantifier would be an error in Python, and `++` a possessive match, which may fail where this does not.
      throw this.#error('one quantifier after another part');
    }
    return { id: this.count++, kind: 'repeat', body, ...range };
  }

  #range(): { readonly min: number; readonly max: number } | undefined {
    if (this.#take('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#take('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#take('?')) return { min: 0, max: 1 };
    // As in Python, braces that are no range stand for themselves.
    const counted = /^\{(\d*)(,?)(\d*)\}/.exec(this.#text.slice(this.#at, this.#at + 20));
    const [all, low = '', comma = '', high = ''] = counted ?? [];
    if (all === undefined || (low === '' && comma === '')) return undefined;
    this.#at += all.length;
    const min = low === '' ? 0 : Number(low);
    const max = comma === '' ? min : high === '' ? Number.POSITIVE_INFINITY : Number(high);
    if (min > max || min > MAX_REPEATS || (Number.isFinite(max) && max > MAX_REPEATS)) {
      throw this.#error(`repetitions from low to high and at most ${MAX_REPEATS}`);
    }
    return { min, max };
  }

  #atom(): PatternNode {
    const char = this.#text[this.#at++]!;
    switch (char) {
      case '(':
        return this.#group();
      case '[':
        return this.#character(this.#class());
      case '.':
        return this.#character((c) => c !== '\n');
      case '^':
        return { id: this.count++, kind: 'start' };
      case '$':
        return { id: this.count++, kind: 'end' };
      case '\\':
        return this.#escape();
      case '*':
      case '+':
      case '?':
        throw this.#error('something to repeat before a quantifier');
      default:
        return this.#character((c) => c === char);
    }
  }

  #group(): PatternNode {
    let ahead: boolean | undefined;
    if (this.#take('?')) {
      const rest = this.#text.slice(this.#at, this.#at + 80);
      const [opening] = /^(?::|=|!|P<[A-Za-z_]\w*>)/.exec(rest) ?? [];
      if (opening === undefined) throw this.#error('a plain, named, (?:...), (?=...) or (?!...) group');
      this.#at += opening.length;
      if (opening === '=' || opening === '!') ahead = opening === '=';
    }
    const body = this.#alternatives();
    if (!this.#take(')')) throw this.#error('a ) for each (');
    return ahead === undefined ? body : { id: this.count++, kind: 'look-ahead', isPositive: ahead, body };
  }

  #escape(): PatternNode {
    const char = this.#text[this.#at++] ?? '';
    if (char === 'A') return { id: this.count++, kind: 'start' };
    if (char === 'Z') return { id: this.count++, kind: 'end' };
    return this.#character(this.#escaped(char));
  }

  /** What an escape accepts, inside a class or out of it. */
  #escaped(char: string): Accepts {
    const known = CLASS_ESCAPES.get(char);
    if (known !== undefined) return known;
    // Letters and digits mean something else each, such as \1 and \b; only punctuation stands for itself.
    if (char === '' || /^[A-Za-z0-9]$/.test(char)) throw this.#error(`no escape \\${char}`);
    return (c) => c === char;
  }

  /** After `[`, up to and with `]`. */
  #class(): Accepts {
    const isNegated = this.#take('^');
    const accepted: Accepts[] = [];
    for (let isFirst = true; ; isFirst = false) {
      const char = this.#text[this.#at++];
      if (char === undefined) throw this.#error('a ] for each [');
      // A bracket that stands first stands for itself.
      if (char === ']' && !isFirst) break;
      const low = char === '\\' ? this.#text[this.#at++] : char;
      const isClass = char === '\\' && CLASS_ESCAPES.has(low ?? '');
      const single = char === '\\' ? this.#escaped(low ?? '') : (c: string): boolean => c === char;
      const next = this.#text[this.#at + 1];
      if (this.#text[this.#at] !== '-' || next === undefined || next === ']') {
        accepted.push(single);
        continue;
      }
      this.#at++;
      this.#take('\\');
      const high = this.#text[this.#at++];
      if (isClass || low === undefined || high === undefined || low > high)
        throw this.#error('a range from low to high');
      accepted.push((c) => c >= low && c <= high);
    }
    return (c) => accepted.some((accepts) => accepts(c)) !== isNegated;
  }

  #character(accepts: Accepts): PatternNode {
    return { id: this.count++, kind: 'character', accepts };
  }

  #take(text: string): boolean {
    if (!this.#text.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  #error(expected: string): ToolError {
    return new ToolError('config', {
      op: this.#file,
      expected: `${expected} in a pattern`,
      got: `${JSON.stringify(this.#text.slice(0, 80))} at character ${this.#at}`,
      hint: 'List the modules by name instead.',
    });
  }
}
