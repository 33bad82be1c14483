import { isList, isMap, isText, type JinjaValue } from './jinja.ts';

/** Longest text that a template may make, in UTF-16 units: of its output and of any value on the way. */
export const MAX_TEXT = 1 << 20;
const MAX_DEPTH = 100;

interface Extent {
  /** Characters and items, those of nested values counted as often as they occur. */
  readonly size: number;
  readonly depth: number;
}

/** A template went over its limits. */
export class TemplateLimitError extends Error {}

/**
 * What a template may use up. A hostile one cannot be interrupted from outside in a browser, and in Node it can take the
 * process with it (`range(10**8)` fills the heap), so the work is counted inside: each node costs one unit, each new
 * text or list its size, and what a value would be when written out is known before it is.
 */
export class WorkBudget {
  #left: number;
  readonly #maxSize: number;
  readonly #extents = new WeakMap<JinjaValue, Extent>();

  /**
   * @param units work in units of about a microsecond
   * @param maxSize characters and items of one value
   */
  constructor(units: number, maxSize: number) {
    this.#left = units;
    this.#maxSize = maxSize;
  }

  spend(units: number): void {
    this.#left -= units;
    if (this.#left < 0) throw new TemplateLimitError('it does more work than a chat template needs');
  }

  /** Pays for looking for one text in another; in the worst case each place compares the whole of it. */
  search(text: string, part: string): void {
    this.spend((text.length * part.length) / 1024);
  }

  /** Pays for a value that a node gave; throws where it is larger than any that is allowed. */
  charge(value: JinjaValue): void {
    if (isText(value)) {
      this.checkSize(value.value.length, MAX_TEXT);
      this.spend(value.value.length / (this.#extents.has(value) ? 256 : 16));
      this.#extents.set(value, { size: value.value.length, depth: 0 });
    } else if (isList(value) || isMap(value)) {
      const items = isList(value) ? value.value.length : value.value.size;
      this.spend(this.#extents.has(value) ? items / 16 : items);
      this.#extentOf(value, 0);
    }
  }

  /** The characters of a value when it is written out. */
  sizeOf(value: JinjaValue): number {
    return this.#extentOf(value, 0).size;
  }

  /** Throws where something would be larger than is allowed. */
  checkSize(size: number, max = this.#maxSize): void {
    if (size > max) throw new TemplateLimitError(`it makes a value of ${size} characters or items, over ${max}`);
  }

  #extentOf(value: JinjaValue, level: number): Extent {
    const known = this.#extents.get(value);
    if (known !== undefined) return known;
    if (level > MAX_DEPTH) throw new TemplateLimitError(`it nests lists over ${MAX_DEPTH} deep`);
    let size = 1;
    let depth = 0;
    const add = (item: JinjaValue): void => {
      // A namespace may change after it was counted.
      if (item.type === 'NamespaceValue') throw new TemplateLimitError('it puts a namespace into a list');
      const inner = this.#extentOf(item, level + 1);
      size += inner.size + 1;
      depth = Math.max(depth, inner.depth + 1);
    };
    if (isText(value)) size += value.value.length;
    else if (isList(value)) value.value.forEach(add);
    else if (isMap(value)) {
      for (const [key, item] of value.value) {
        size += key.length;
        add(item);
      }
    }
    this.checkSize(size);
    if (depth > MAX_DEPTH) throw new TemplateLimitError(`it nests lists over ${MAX_DEPTH} deep`);
    const extent = { size, depth };
    this.#extents.set(value, extent);
    return extent;
  }
}
