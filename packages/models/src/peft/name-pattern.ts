import { ToolError } from '@dawngrad/tensor';
import { type PatternNode, parseNamePattern } from './parse-name-pattern.ts';

/** Steps for all names that a pattern is asked about, about a second; a sensible one needs some thousands a name. */
const MAX_STEPS = 20_000_000;

/** A compiled pattern: true for names that it matches. */
export interface NamePattern {
  /** From the first character to the last, like Python's `re.fullmatch`. */
  matches(name: string): boolean;
}

/**
 * A regular expression in Python's syntax over module names, as PEFT's configurations hold them. A stranger wrote it,
 * so it is not given to a backtracking engine, where `(a+)+b` would take exponential time: here the set of places that
 * a part of the pattern can reach from a place is computed once for each, which is polynomial, and a budget of steps
 * bounds that too. Groups, classes, alternatives, repetitions (greedy or not makes no difference to a full match),
 * anchors and look-aheads are understood; anything else is refused by name with ToolError 'config'.
 */
export function compileNamePattern(file: string, text: string): NamePattern {
  const { root, count } = parseNamePattern(file, text);
  let steps = 0;
  const spend = (more: number): void => {
    steps += more;
    if (steps <= MAX_STEPS) return;
    throw new ToolError('config', {
      op: file,
      expected: `a pattern that takes at most ${MAX_STEPS} steps`,
      got: JSON.stringify(text.slice(0, 80)),
      hint: 'List the modules by name instead.',
    });
  };
  return { matches: (name) => new Matcher(name, count, spend).reach(root, 0).includes(name.length) };
}

/** One name against one pattern. Places are positions between characters, 0 to the length. */
class Matcher {
  readonly #name: string;
  readonly #spend: (steps: number) => void;
  /** For each node and place the places that it can end at, ascending; undefined until asked for. */
  readonly #reached: (readonly number[] | undefined)[];

  constructor(name: string, nodes: number, spend: (steps: number) => void) {
    this.#name = name;
    this.#spend = spend;
    this.#reached = new Array(nodes * (name.length + 1));
  }

  reach(node: PatternNode, at: number): readonly number[] {
    const key = node.id * (this.#name.length + 1) + at;
    const known = this.#reached[key];
    if (known !== undefined) return known;
    this.#spend(1);
    const found = this.#reachNew(node, at);
    this.#reached[key] = found;
    return found;
  }

  #reachNew(node: PatternNode, at: number): readonly number[] {
    switch (node.kind) {
      case 'character':
        return at < this.#name.length && node.accepts(this.#name[at]!) ? [at + 1] : [];
      case 'start':
        return at === 0 ? [at] : [];
      case 'end':
        return at === this.#name.length ? [at] : [];
      case 'look-ahead':
        return this.reach(node.body, at).length > 0 === node.isPositive ? [at] : [];
      case 'alternatives':
        return this.#union(node.options.map((option) => this.reach(option, at)));
      case 'sequence': {
        let places: readonly number[] = [at];
        for (const part of node.parts) places = this.#from(part, places);
        return places;
      }
      case 'repeat': {
        let places: readonly number[] = [at];
        for (let i = 0; i < node.min && places.length > 0; i++) {
          const next = this.#from(node.body, places);
          if (next.join() === places.join()) break;
          places = next;
        }
        // Repeating on from places already seen finds nothing new, so this ends after at most as many rounds as places.
        const seen = new Set(places);
        for (let i = node.min; i < node.max && places.length > 0; i++) {
          places = this.#from(node.body, places).filter((place) => !seen.has(place));
          for (const place of places) seen.add(place);
        }
        return [...seen].sort((a, b) => a - b);
      }
    }
  }

  #from(node: PatternNode, places: readonly number[]): readonly number[] {
    return places.length === 1 ? this.reach(node, places[0]!) : this.#union(places.map((at) => this.reach(node, at)));
  }

  #union(sets: readonly (readonly number[])[]): readonly number[] {
    const union = new Set<number>();
    for (const set of sets) {
      this.#spend(1 + set.length);
      for (const place of set) union.add(place);
    }
    return [...union].sort((a, b) => a - b);
  }
}
