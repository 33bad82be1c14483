import { type MathJson, parseLatex, simplify } from './latex.ts';
import { mathValue } from './math-value.ts';
import { compareNumbers, parseNumber } from './number.ts';
import type { Comparison, Outcome } from './verdict.ts';

const MAX_PARTS = 8;

/** Relative difference up to which two values in float64 are the same number. */
const TOLERANCE = 1e-9;
const SAMPLES = 4;

/**
 * The answer is mathematically the gold answer: numbers as `compareNumbers` takes them, else expressions
 * in LaTeX ("\frac{\sqrt{2}}{2}" is "1/\sqrt{2}"), equations "x = ..." by their right sides, and tuples,
 * intervals, sets and lists part by part (sets and bare lists in any order). Expressions are equal where
 * their values are, at four points of their variables (Schwartz 1980, Zippel 1979), to nine digits.
 */
export const compareMath: Comparison = (answer, gold) => {
  if (parseNumber(answer) !== undefined && parseNumber(gold) !== undefined) return compareNumbers(answer, gold);
  const mine = parseStructure(answer);
  const right = parseStructure(gold);
  if (mine === undefined) return 'unparsed';
  if (right === undefined) return 'wrong';
  if (mine.brackets !== right.brackets || mine.parts.length !== right.parts.length) return 'wrong';
  return inOrder(mine) ? everyPart(mine, right) : anyOrder(mine, right);
};

/** Parts between brackets: "(1, 2)", "[0, 1)", "\{1, 2\}"; without brackets one part, or a list. */
interface Structure {
  readonly brackets: string;
  readonly parts: readonly string[];
}

function inOrder({ brackets }: Structure): boolean {
  return brackets !== '' && brackets !== '\\{\\}';
}

function parseStructure(text: string): Structure | undefined {
  const whole = simplify(text);
  if (whole === undefined || whole === '') return undefined;
  const simple = whole.replace(/^[A-Za-z] ?=(?!=) ?|^[A-Za-z] ?\\in(?![A-Za-z]) ?/, '');
  const open = /^(?:\\\{|[([])/.exec(simple)?.[0];
  const close = /(?:\\\}|[)\]])$/.exec(simple)?.[0];
  if (open !== undefined && close !== undefined) {
    const parts = splitParts(simple.slice(open.length, -close.length));
    // "(x+1)(x-1)" and "(5)" are expressions, not tuples.
    if (parts !== undefined && (parts.length > 1 || open === '\\{')) return { brackets: open + close, parts };
  }
  const isNumber = parseNumber(simple) !== undefined;
  const parts = isNumber ? [simple] : splitParts(simple);
  return parts && { brackets: '', parts };
}

/** The text between commas outside brackets; undefined where brackets do not match or parts are empty or many. */
function splitParts(text: string): string[] | undefined {
  const parts: string[] = [];
  let depth = 0;
  let start = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] as string;
    if ('([{'.includes(char)) depth++;
    else if (')]}'.includes(char) && --depth < 0) return undefined;
    else if (char === ',' && depth === 0) {
      parts.push(text.slice(start, i).trim());
      start = i + 1;
    }
  }
  parts.push(text.slice(start).trim());
  return depth !== 0 || parts.length > MAX_PARTS || parts.includes('') ? undefined : parts;
}

function everyPart(mine: Structure, right: Structure): Outcome {
  const outcomes = mine.parts.map((part, i) => comparePart(part, right.parts[i] as string));
  return outcomes.includes('unparsed') ? 'unparsed' : outcomes.includes('wrong') ? 'wrong' : 'correct';
}

/** Each part has a part of its own on the other side. */
function anyOrder(mine: Structure, right: Structure): Outcome {
  const left = [...right.parts];
  for (const part of mine.parts) {
    const outcomes = left.map((other) => comparePart(part, other));
    const match = outcomes.indexOf('correct');
    if (match < 0) return outcomes.includes('unparsed') ? 'unparsed' : 'wrong';
    left.splice(match, 1);
  }
  return 'correct';
}

function comparePart(mine: string, right: string): Outcome {
  if (squeeze(mine) === squeeze(right)) return 'correct';
  if (parseNumber(mine) !== undefined && parseNumber(right) !== undefined) return compareNumbers(mine, right);
  const a = parseLatex(mine);
  if (a === undefined) return 'unparsed';
  const b = parseLatex(right);
  return b !== undefined && sameValues(a, b) ? 'correct' : 'wrong';
}

function squeeze(text: string): string {
  return text.replaceAll(' ', '');
}

function sameValues(a: MathJson, b: MathJson): boolean {
  let compared = 0;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const at = (symbol: string): number => pointOf(symbol, sample);
    const [x, y] = [mathValue(a, at), mathValue(b, at)];
    if (Number.isNaN(x) || Number.isNaN(y)) continue;
    if (!isClose(x, y)) return false;
    compared++;
  }
  return compared > 0;
}

/** An overflow must not be close to everything: the difference to it is within any share of it. */
function isClose(x: number, y: number): boolean {
  if (x === y) return true;
  const largest = Math.max(Math.abs(x), Math.abs(y));
  return Number.isFinite(largest) && Math.abs(x - y) <= TOLERANCE * largest;
}

/** A value between 0.3 and 2.3 for a variable: positive, so that roots and logarithms exist. */
function pointOf(symbol: string, sample: number): number {
  let hash = sample + 1;
  for (let i = 0; i < symbol.length; i++) hash = (Math.imul(hash, 31) + symbol.charCodeAt(i)) >>> 0;
  // The fractional parts of multiples of the golden ratio are spread evenly.
  return 0.3 + 2 * ((hash * 0.6180339887498949) % 1);
}
