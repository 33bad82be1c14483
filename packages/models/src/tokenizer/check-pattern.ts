/**
 * What a regular expression of tokenizer.json may cost. JavaScript's engine backtracks and cannot be stopped, so
 * patterns are checked before they run: those published tokenizers use pass, and what passes takes at most about the
 * square of the text's length. The check is on the safe side; a harmless pattern may be refused.
 *
 * @returns why the pattern is refused, or undefined
 */
export function patternFault(pattern: string): string | undefined {
  if (pattern.length > MAX_LENGTH) return `over ${MAX_LENGTH} characters`;
  try {
    const parser = new PatternParser(pattern);
    checkAlternatives(parser.parseAll());
    return undefined;
  } catch (error) {
    if (error instanceof PatternFault) return error.message;
    throw error;
  }
}

const MAX_LENGTH = 4096;
const MAX_NESTING = 16;
/** Larger counts are taken as unbounded. */
const MAX_COUNT = 64;
/** Parts such as `a?` or `b{1,3}` in one alternative: n of them in a row can be tried in 2^n ways. */
const MAX_VARIABLE = 8;

class PatternFault extends Error {}

interface Item {
  /** Which characters one repetition may take, as flags over the parser's samples; all where that is not known. */
  readonly takes: readonly boolean[];
  readonly min: number;
  readonly max: number;
  /** Whether it holds a part that repeats without bound. */
  readonly isUnbounded: boolean;
  /** The alternatives of a group. */
  readonly alternatives?: readonly (readonly Item[])[];
}

/** Characters of the kinds that patterns tell apart; a pattern's own characters join them. */
const KINDS = 'aAzZ09 \n\r\t.,!?-_\'"$/\\(éßñǅʰ中あ한אعдก²½٣\u0301😀\u00a0\u200b\u0000';

function checkAlternatives(alternatives: readonly (readonly Item[])[]): void {
  for (const items of alternatives) {
    for (const { alternatives: inner, min, max } of items) {
      if (inner === undefined) continue;
      checkAlternatives(inner);
      if (max <= 1) continue;
      if (inner.length > 1) throw new PatternFault('a repeated group with alternatives');
      const varies = inner.flat().some((item) => item.min !== item.max || item.isUnbounded);
      if (varies && (min !== max || max > 2)) throw new PatternFault('a repeated group whose parts repeat');
    }
    if (items.filter(({ min, max, isUnbounded }) => min !== max && !isUnbounded).length > MAX_VARIABLE) {
      throw new PatternFault(`over ${MAX_VARIABLE} parts that may be left out`);
    }
    if (backtrackingDegree(items) > 1) throw new PatternFault('several repeated parts that take the same characters');
  }
}

/**
 * The power of the text's length that matching at one place may take: repeated parts that follow each other and take the
 * same characters can share them in many ways, and all are tried if something behind them fails.
 */
function backtrackingDegree(items: readonly Item[]): number {
  let degree = 0;
  // Longest chain of such parts that ends with each item.
  const chains: number[] = [];
  items.forEach((item, i) => {
    chains[i] = 0;
    if (!item.isUnbounded) return;
    let chain = 1;
    for (let j = 0; j < i; j++) {
      const before = items[j]!;
      const between = items.slice(j + 1, i);
      const isParted = between.some(
        ({ min, takes }) => min > 0 && (!overlap(takes, item.takes) || !overlap(takes, before.takes)),
      );
      if (before.isUnbounded && overlap(before.takes, item.takes) && !isParted) chain = Math.max(chain, chains[j]! + 1);
    }
    chains[i] = chain;
    const canFail = items.slice(i + 1).some(({ min }) => min > 0);
    degree = Math.max(degree, canFail ? chain : chain - 1);
  });
  return degree;
}

function overlap(a: readonly boolean[], b: readonly boolean[]): boolean {
  return a.some((takes, i) => takes && b[i] === true);
}

/** Reads the structure of a pattern in Oniguruma's syntax; what it does not know it takes as any character. */
class PatternParser {
  readonly #pattern: string;
  readonly #samples: readonly string[];
  #at = 0;
  #nesting = 0;

  constructor(pattern: string) {
    this.#pattern = pattern;
    this.#samples = [...new Set(KINDS + pattern)];
  }

  parseAll(): Item[][] {
    const alternatives = this.#alternatives();
    if (this.#at < this.#pattern.length) throw new PatternFault('a parenthesis too many');
    return alternatives;
  }

  #alternatives(): Item[][] {
    if (++this.#nesting > MAX_NESTING) throw new PatternFault(`groups over ${MAX_NESTING} deep`);
    const alternatives: Item[][] = [[]];
    while (this.#at < this.#pattern.length && this.#pattern[this.#at] !== ')') {
      if (this.#take('|')) alternatives.push([]);
      else alternatives.at(-1)!.push(this.#item());
    }
    this.#nesting--;
    return alternatives;
  }

  #item(): Item {
    const { takes, inner, isLook = false } = this.#atom();
    let [min, max] = this.#quantifier();
    // A second quantifier: lazy or possessive, or one on top, as `a{2}{3}`.
    while (this.#take('?') || this.#take('+')) if (max > MAX_COUNT) max = Number.POSITIVE_INFINITY;
    if (this.#quantifier()[1] !== 1) throw new PatternFault('a repetition of a repetition');
    if (isLook) [min, max] = [1, 1];
    const holdsUnbounded = inner?.some((items) => items.some(({ isUnbounded }) => isUnbounded)) === true;
    return {
      takes,
      min,
      max,
      // What a lookaround takes does not run into what follows it.
      isUnbounded: max > MAX_COUNT || (holdsUnbounded && !isLook),
      ...(inner === undefined ? {} : { alternatives: inner }),
    };
  }

  #atom(): { takes: readonly boolean[]; inner?: Item[][]; isLook?: boolean } {
    const rest = this.#pattern.slice(this.#at);
    const escaped = /^\\(?:[pPxu]\{[^}]*\}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|c[A-Za-z]|[\s\S])/u.exec(rest)?.[0];
    if (escaped !== undefined) {
      this.#at += escaped.length;
      if (/^\\[1-9kg]/.test(escaped)) throw new PatternFault('a reference back');
      return { takes: /^\\[bBAzZGK]$/.test(escaped) ? this.#none() : this.#taken(escaped) };
    }
    if (rest.startsWith('[')) return { takes: this.#taken(this.#characterClass()) };
    if (rest.startsWith('(')) return this.#group(rest);
    const [char] = rest;
    if (char === undefined || /[\\*+?]/.test(char))
      throw new PatternFault(`${char ?? 'an end'} where a part should be`);
    this.#at += char.length;
    if (char === '^' || char === '$') return { takes: this.#none() };
    return { takes: this.#samples.map((sample) => char === '.' || sample.toLowerCase() === char.toLowerCase()) };
  }

  #group(rest: string): { takes: readonly boolean[]; inner?: Item[][]; isLook?: boolean } {
    const opening = /^\((?:\?(?:<?[=!]|[:>]|<[A-Za-z_]\w*>|[imsx-]+[:)]))?/.exec(rest)![0];
    this.#at += opening.length;
    // Flags for the rest of the pattern.
    if (opening.endsWith(')')) return { takes: this.#none() };
    if (opening === '(' && this.#pattern[this.#at] === '?') throw new PatternFault('a group of another kind');
    const inner = this.#alternatives();
    if (!this.#take(')')) throw new PatternFault('a group without an end');
    return { takes: this.#all(), inner, isLook: /^\(\?<?[=!]/.test(opening) };
  }

  #characterClass(): string {
    const start = this.#at;
    let depth = 0;
    for (; this.#at < this.#pattern.length; this.#at++) {
      const char = this.#pattern[this.#at];
      if (char === '\\') this.#at++;
      else if (char === '[') depth++;
      else if (char === ']' && --depth === 0) {
        this.#at++;
        return this.#pattern.slice(start, this.#at);
      }
    }
    throw new PatternFault('a character class without an end');
  }

  #quantifier(): [min: number, max: number] {
    if (this.#take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.#take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.#take('?')) return [0, 1];
    const count = /^\{(\d*)(,?)(\d*)\}/.exec(this.#pattern.slice(this.#at));
    if (count === null || (count[1] === '' && count[3] === '')) return [1, 1];
    this.#at += count[0].length;
    const min = Number(count[1]);
    const max = count[2] === '' ? min : count[3] === '' ? Number.POSITIVE_INFINITY : Number(count[3]);
    if (min > MAX_COUNT) throw new PatternFault(`a count over ${MAX_COUNT}`);
    return [min, max];
  }

  #take(text: string): boolean {
    if (!this.#pattern.startsWith(text, this.#at)) return false;
    this.#at += text.length;
    return true;
  }

  /** Which samples a class or an escape takes; all of them where JavaScript has no such class. */
  #taken(set: string): readonly boolean[] {
    try {
      const one = new RegExp(`^(?:${set})$`, 'iu');
      return this.#samples.map((sample) => one.test(sample));
    } catch {
      return this.#all();
    }
  }

  #all(): readonly boolean[] {
    return this.#samples.map(() => true);
  }

  #none(): readonly boolean[] {
    return this.#samples.map(() => false);
  }
}
