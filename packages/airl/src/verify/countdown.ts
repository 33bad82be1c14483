import { equalNumbers, type Rational, reduce } from './number.ts';
import { unwrap } from './unwrap.ts';
import type { Comparison } from './verdict.ts';

const MAX_CHARS = 200;
const MAX_NUMBERS = 24;
// Nine digits and 24 numbers keep every intermediate fraction within some hundred digits.
const MAX_DIGITS = 9;
const MAX_DEPTH = 24;

/** A countdown problem: which numbers to use, and what they must make. */
export interface CountdownGold {
  readonly nums: readonly number[];
  readonly target: Rational;
}

/** What an arithmetic expression is worth, and the numbers that it is written with. */
export interface Arithmetic {
  readonly value: Rational;
  readonly numbers: readonly number[];
}

/**
 * The answer is an expression that uses every given number exactly once and has the target as its value,
 * exactly (r-airl.md, section 6). The gold answer is `{"nums": [...], "target": n}`; or an expression,
 * such as an expert's own answer, whose numbers and value then count.
 */
export const compareCountdown: Comparison = (answer, gold) => {
  const mine = parseArithmetic(answer);
  const right = parseGold(gold);
  if (mine === undefined) return 'unparsed';
  if (right === undefined || !equalNumbers(mine.value, right.target)) return 'wrong';
  return sorted(mine.numbers) === sorted(right.nums) ? 'correct' : 'wrong';
};

function sorted(numbers: readonly number[]): string {
  return numbers.toSorted((a, b) => a - b).join();
}

function parseGold(gold: string): CountdownGold | undefined {
  if (!gold.startsWith('{')) {
    const expression = parseArithmetic(gold);
    return expression && { nums: expression.numbers, target: expression.value };
  }
  if (gold.length > MAX_CHARS * MAX_NUMBERS) return undefined;
  try {
    const { nums, target } = JSON.parse(gold) as { readonly nums?: unknown; readonly target?: unknown };
    if (!Array.isArray(nums) || !nums.every((value) => Number.isSafeInteger(value))) return undefined;
    if (!Number.isSafeInteger(target)) return undefined;
    return { nums: nums as number[], target: { numerator: BigInt(target as number), denominator: 1n } };
  } catch {
    // Not JSON: there is nothing to compare with.
    return undefined;
  }
}

/**
 * The value of an expression of whole numbers, `+ - * /`, brackets and spaces, as an exact fraction;
 * undefined for anything else (also "= 5" at its end, powers and leading zeros), for a division by zero,
 * and beyond 200 characters, 24 numbers of 9 digits, or 24 nested brackets.
 */
export function parseArithmetic(text: string): Arithmetic | undefined {
  return text.length > MAX_CHARS ? undefined : new ArithmeticParser(unwrap(text)).parse();
}

/** Recursive descent: sum = product (('+' | '-') product)*, product = factor (('*' | '/') factor)*. */
class ArithmeticParser {
  private readonly text: string;
  private at = 0;
  private readonly numbers: number[] = [];

  constructor(text: string) {
    this.text = text;
  }

  parse(): Arithmetic | undefined {
    const value = this.sum(0);
    this.skipSpaces();
    return value === undefined || this.at < this.text.length ? undefined : { value, numbers: this.numbers };
  }

  private sum(depth: number): Rational | undefined {
    let total = this.product(depth);
    for (let sign = this.operator('+-'); total !== undefined && sign !== ''; sign = this.operator('+-')) {
      const term = this.product(depth);
      if (term === undefined) return undefined;
      const a = total.numerator * term.denominator;
      const b = term.numerator * total.denominator;
      total = reduce(sign === '+' ? a + b : a - b, total.denominator * term.denominator);
    }
    return total;
  }

  private product(depth: number): Rational | undefined {
    let total = this.factor(depth);
    for (let sign = this.operator('*/'); total !== undefined && sign !== ''; sign = this.operator('*/')) {
      const factor = this.factor(depth);
      if (factor === undefined || (sign === '/' && factor.numerator === 0n)) return undefined;
      total =
        sign === '*'
          ? reduce(total.numerator * factor.numerator, total.denominator * factor.denominator)
          : divide(total, factor);
    }
    return total;
  }

  private factor(depth: number): Rational | undefined {
    if (depth > MAX_DEPTH) return undefined;
    if (this.operator('-') !== '') {
      const value = this.factor(depth + 1);
      return value && { ...value, numerator: -value.numerator };
    }
    if (this.operator('(') !== '') {
      const value = this.sum(depth + 1);
      return this.operator(')') === '' ? undefined : value;
    }
    this.skipSpaces();
    const start = this.at;
    while (/\d/.test(this.text[this.at] ?? '')) this.at++;
    const digits = this.text.slice(start, this.at);
    if (digits === '' || digits.length > MAX_DIGITS || this.numbers.length === MAX_NUMBERS) return undefined;
    if (digits.startsWith('0') && digits.length > 1) return undefined;
    this.numbers.push(Number(digits));
    return { numerator: BigInt(digits), denominator: 1n };
  }

  /** The next character where it is one of `signs`, else the empty text. */
  private operator(signs: string): string {
    this.skipSpaces();
    const char = this.text[this.at] ?? '';
    if (char === '' || !signs.includes(char)) return '';
    this.at++;
    return char;
  }

  private skipSpaces(): void {
    while (this.text[this.at] === ' ') this.at++;
  }
}

function divide(a: Rational, b: Rational): Rational {
  const sign = b.numerator < 0n ? -1n : 1n;
  return reduce(sign * a.numerator * b.denominator, sign * a.denominator * b.numerator);
}
