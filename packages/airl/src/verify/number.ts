import { unwrap } from './unwrap.ts';
import type { Comparison } from './verdict.ts';

/** An exact fraction in lowest terms; the denominator is positive. */
export interface Rational {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

// Longer texts are no final answers. The caps also bound the time of the patterns and of the BigInt work.
const MAX_CHARS = 120;
const MAX_DIGITS = 40;

// Words after a number that change its value; they make the text "no number" rather than a wrong one.
const VALUE_WORDS = new Set([
  ...['hundred', 'thousand', 'million', 'billion', 'trillion', 'dozen', 'half', 'quarter', 'third', 'score'],
  ...['k', 'and', 'or', 'to', 'plus', 'minus', 'times', 'over', 'by', 'squared', 'cubed', 'not'],
  ...['e', 'i', 'n', 'x', 'y', 'z', 'pi', 'sqrt'],
]);

// One sign, before or behind a currency sign: -$5, $-5.
const SIGN = /^(?:([+\-−]) ?(?:[$£€¥]|\\\$)? ?|(?:[$£€¥]|\\\$) ?([+\-−])? ?)?/;
const PLAIN = /^(\d{1,3}(?:,\d{3})+|\d+)?(?:\.(\d+))?/;
const FRACTION = /^ ?\/ ?(\d+)/;
const MIXED = /^ (\d+) ?\/ ?(\d+)/;
const LATEX_FRACTION = /^ ?\\[dt]?frac ?(?:\{ ?(\d+) ?\} ?\{ ?(\d+) ?\}|(\d) ?(\d)(?!\d))/;
const UNIT = /^ ?(?:%|\\%|°|[A-Za-z]|$)[A-Za-z°²³%/ .-]*$/;

/**
 * The number that a final answer states, or undefined. Accepted: a sign, a currency sign, grouped
 * thousands, decimals, fractions, mixed numbers, `\frac{a}{b}`, `\boxed{...}`, `$...$`, bold marks, a
 * percent sign or a unit behind it (also as `\text{...}`), a closing dot. Nothing is evaluated, and text
 * that holds a second number ("5 or 6", "3 + 4", "12:30") is no number.
 */
export function parseNumber(text: string): Rational | undefined {
  if (text.length > MAX_CHARS) return undefined;
  let rest = unwrap(plainText(unwrap(text)));
  const sign = SIGN.exec(rest) as RegExpExecArray;
  const negative = (sign[1] ?? sign[2] ?? '+') !== '+';
  rest = rest.slice(sign[0].length);
  const found = scan(rest);
  if (found === undefined || !isUnit(rest.slice(found.length))) return undefined;
  const { numerator, denominator } = found;
  if (denominator === 0n) return undefined;
  return reduce(negative ? -numerator : numerator, denominator);
}

/** Whether two fractions in lowest terms are the same number. */
export function equalNumbers(a: Rational, b: Rational): boolean {
  return a.numerator === b.numerator && a.denominator === b.denominator;
}

/**
 * The answer is the same number as the gold answer: "1,000", "$5" and "12.0" are 1000, 5 and 12 (D18).
 * Where only the answer has a percent sign, it may also mean the fraction: "50%" is 50 or 0.5.
 */
export const compareNumbers: Comparison = (answer, gold) => {
  const mine = parseNumber(answer);
  const right = parseNumber(gold);
  if (mine === undefined) return 'unparsed';
  if (right === undefined) return 'wrong';
  if (equalNumbers(mine, right)) return 'correct';
  const isPercent = answer.includes('%') && !gold.includes('%');
  const percents = reduce(right.numerator * 100n, right.denominator);
  return isPercent && equalNumbers(mine, percents) ? 'correct' : 'wrong';
};

const TEXT_COMMAND = /\\(?:text|textbf|textrm|mathrm|mbox|operatorname) ?\{([^{}\\]*)\}/g;

/** LaTeX's spellings of what is plain text otherwise: `12{,}345`, `5\,\text{cm}`, `90^\circ`. */
function plainText(text: string): string {
  if (!text.includes('\\') && !text.includes('{')) return text;
  return (
    text
      .replaceAll('{,}', ',')
      // A thin space between groups of three digits separates thousands.
      .replace(/(?<=\d)\\,(?=\d{3}(?:\D|$))/g, ',')
      .replace(TEXT_COMMAND, ' $1')
      .replace(/\\[,;:! ]/g, ' ')
      .replace(/ ?\^ ?(?:\\circ|\{ ?\\circ ?\})/g, '°')
      .trim()
  );
}

function scan(text: string): (Rational & { length: number }) | undefined {
  const latex = LATEX_FRACTION.exec(text);
  if (latex !== null) return latexFraction(latex);
  const plain = PLAIN.exec(text);
  if (plain === null || plain[0] === '') return undefined;
  const whole = (plain[1] ?? '').replaceAll(',', '');
  const decimals = plain[2] ?? '';
  if (whole.length + decimals.length > MAX_DIGITS) return undefined;
  const tail = text.slice(plain[0].length);
  if (decimals === '') {
    const mixed = MIXED.exec(tail);
    if (mixed !== null) {
      const part = fraction(mixed[1] as string, mixed[2] as string, plain[0].length + mixed[0].length);
      if (part === undefined) return undefined;
      return { ...part, numerator: part.numerator + BigInt(whole) * part.denominator };
    }
    const latexPart = LATEX_FRACTION.exec(tail);
    if (latexPart !== null) {
      // "17\frac{1}{2}" is a mixed number; "2\frac{3}{2}" could be a product and is no number.
      const part = latexFraction(latexPart);
      if (part === undefined || part.numerator >= part.denominator) return undefined;
      const numerator = part.numerator + BigInt(whole) * part.denominator;
      return { numerator, denominator: part.denominator, length: plain[0].length + part.length };
    }
    const simple = FRACTION.exec(tail);
    if (simple !== null) return fraction(whole, simple[1] as string, plain[0].length + simple[0].length);
  }
  return {
    numerator: BigInt(whole + decimals),
    denominator: 10n ** BigInt(decimals.length),
    length: plain[0].length,
  };
}

function latexFraction(match: RegExpExecArray): (Rational & { length: number }) | undefined {
  return fraction((match[1] ?? match[3]) as string, (match[2] ?? match[4]) as string, match[0].length);
}

function fraction(top: string, bottom: string, length: number): (Rational & { length: number }) | undefined {
  if (top.length > MAX_DIGITS || bottom.length > MAX_DIGITS) return undefined;
  return { numerator: BigInt(top), denominator: BigInt(bottom), length };
}

function isUnit(tail: string): boolean {
  if (!UNIT.test(tail)) return false;
  return !tail
    .toLowerCase()
    .split(/[ /.]/)
    .some((word) => VALUE_WORDS.has(word));
}

/** The fraction in lowest terms; the denominator is above zero. */
export function reduce(numerator: bigint, denominator: bigint): Rational {
  let a = numerator < 0n ? -numerator : numerator;
  let b = denominator;
  while (b !== 0n) [a, b] = [b, a % b];
  // gcd(0, d) = d, so zero becomes 0/1.
  return { numerator: numerator / a, denominator: denominator / a };
}
