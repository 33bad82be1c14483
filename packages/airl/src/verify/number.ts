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
const LATEX_FRACTION = /^\\[dt]?frac ?\{ ?(\d+) ?\} ?\{ ?(\d+) ?\}/;
const UNIT = /^ ?(?:%|\\%|°|[A-Za-z]|$)[A-Za-z°²³%/ .-]*$/;

/**
 * The number that a final answer states, or undefined. Accepted: a sign, a currency sign, grouped
 * thousands, decimals, fractions, mixed numbers, `\frac{a}{b}`, `\boxed{...}`, `$...$`, bold marks, a
 * percent sign or a unit behind it, a closing dot. Nothing is evaluated, and text that holds a second
 * number ("5 or 6", "3 + 4", "12:30") is no number.
 */
export function parseNumber(text: string): Rational | undefined {
  if (text.length > MAX_CHARS) return undefined;
  let rest = unwrap(text);
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

/** The text without wrappers around the whole of it, white space collapsed. */
function unwrap(text: string): string {
  let inner = text.trim().replace(/\s+/g, ' ');
  for (let depth = 0; depth < 4; depth++) {
    const before = inner;
    if (inner.endsWith('.')) inner = inner.slice(0, -1).trimEnd();
    for (const [open, close] of [
      ['\\boxed{', '}'],
      ['\\text{', '}'],
      ['\\(', '\\)'],
      ['**', '**'],
      ['$', '$'],
    ] as const) {
      const body = inner.slice(open.length, -close.length);
      const wraps = inner.length > open.length + close.length && inner.startsWith(open) && inner.endsWith(close);
      if (wraps && (close !== '}' || isBalanced(body))) inner = body.trim();
    }
    if (inner === before) break;
  }
  return inner;
}

/** Whether braces close only what they opened, so that the wrapper's last brace is its own. */
function isBalanced(body: string): boolean {
  let depth = 0;
  for (const char of body) {
    if (char === '{') depth++;
    else if (char === '}' && --depth < 0) return false;
  }
  return depth === 0;
}

function scan(text: string): (Rational & { length: number }) | undefined {
  const latex = LATEX_FRACTION.exec(text);
  if (latex !== null) return fraction(latex[1] as string, latex[2] as string, latex[0].length);
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
    const simple = FRACTION.exec(tail);
    if (simple !== null) return fraction(whole, simple[1] as string, plain[0].length + simple[0].length);
  }
  return {
    numerator: BigInt(whole + decimals),
    denominator: 10n ** BigInt(decimals.length),
    length: plain[0].length,
  };
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

function reduce(numerator: bigint, denominator: bigint): Rational {
  let a = numerator < 0n ? -numerator : numerator;
  let b = denominator;
  while (b !== 0n) [a, b] = [b, a % b];
  // gcd(0, d) = d, so zero becomes 0/1.
  return { numerator: numerator / a, denominator: denominator / a };
}
