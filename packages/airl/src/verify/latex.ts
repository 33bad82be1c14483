import { ComputeEngine } from '@cortex-js/compute-engine';
import { isExpression } from './latex-grammar.ts';
import { unwrap } from './unwrap.ts';

/** An expression as MathJSON: a number, a symbol, or an operator with its operands. */
export type MathJson = number | string | readonly [string, ...MathJson[]];

/**
 * The library's parser takes exponential time on malformed text (eight brackets that do not close 80 ms,
 * sixty of them minutes) and nothing can cut it short from within one thread. So it sees only what a
 * linear check has found to be one complete expression, of few tokens and little depth: some 0.1 ms a token.
 */
const MAX_CHARS = 200;
const LIMITS = { tokens: 32, depth: 4 } as const;

/** Spellings that mean the same to a reader of answers. */
const SPELLINGS: readonly (readonly [RegExp | string, string])[] = [
  [/\\[dt]frac/g, '\\frac'],
  [/\\(?:left|right|displaystyle)(?![A-Za-z])/g, ''],
  [/\\exp(?![A-Za-z])\s*\(([^()]*)\)/g, 'e^{$1}'],
  [/\\(?:cdot|ast)(?![A-Za-z])/g, '\\times '],
  [/\\[,;:! ]|~/g, ' '],
  ['{,}', ''],
  [/\^ ?(?:\\circ|\{ ?\\circ ?\})/g, ''],
  [/\\(?:text|mathrm|mbox) ?\{[^{}]*\} ?$/g, ''],
  [/√ ?(\d+)/g, '\\sqrt{$1}'],
  ['π', '\\pi '],
  ['∞', '\\infty '],
  [/[×·]/g, '\\times '],
  ['÷', '\\div '],
  ['−', '-'],
  ['²', '^2'],
  ['³', '^3'],
  ['**', '^'],
  // "\\sqrt2", "\\frac12": the engine reads them, one shape is easier to check.
  [/\\sqrt ?(\d)/g, '\\sqrt{$1}'],
  [/\\frac ?(\d)/g, '\\frac{$1}'],
  [/(\\frac\{\d\}) ?(\d)/g, '$1{$2}'],
];

let engine: ComputeEngine | undefined;

/** Expressions read lately: a gold answer is compared with every sample of its group. */
const read = new Map<string, MathJson | undefined>();
const MAX_READ = 512;

/**
 * The expression that a LaTeX or plain text means, or undefined where it is none that can be checked in
 * bounded time: malformed, over 200 characters or 32 tokens, over four deep, with an unknown command.
 */
export function parseLatex(text: string): MathJson | undefined {
  const latex = simplify(text);
  // Letters in a row are a product ("ab" is "ba"), words are not.
  if (latex === undefined || /(?<![\\A-Za-z])[A-Za-z]{3}/.test(latex) || !isExpression(latex, LIMITS)) return undefined;
  if (read.has(latex)) return read.get(latex);
  if (read.size === MAX_READ) read.clear();
  const expression = parse(latex);
  read.set(latex, expression);
  return expression;
}

function parse(latex: string): MathJson | undefined {
  engine ??= new ComputeEngine();
  try {
    return readJson(engine.parse(latex, { canonical: false }).json);
  } catch {
    // The library throws on some malformed texts; they are no expressions.
    return undefined;
  }
}

/** The text in one spelling, without wrappers; undefined where it is too long. */
export function simplify(text: string): string | undefined {
  if (text.length > MAX_CHARS) return undefined;
  let simple = unwrap(text);
  for (const [from, to] of SPELLINGS) simple = simple.replaceAll(from, to);
  return simple.replace(/\s+/g, ' ').trim();
}

/** The library's value as plain data; undefined where it holds an error or anything but numbers and symbols. */
function readJson(value: unknown): MathJson | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'string') return value.startsWith("'") ? undefined : value;
  if (Array.isArray(value)) {
    const [operator, ...operands] = value as unknown[];
    if (typeof operator !== 'string' || operator === 'Error') return undefined;
    const values = operands.map(readJson);
    return values.includes(undefined) ? undefined : [operator, ...(values as MathJson[])];
  }
  if (typeof value === 'object' && value !== null && 'num' in value) {
    const number = Number(value.num);
    return Number.isFinite(number) ? number : undefined;
  }
  return undefined;
}
