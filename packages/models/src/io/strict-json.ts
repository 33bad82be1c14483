import { ToolError } from '@dawngrad/tensor';

export type JsonObject = { readonly [key: string]: unknown };

export interface StrictJsonOptions {
  /** Deepest nesting of arrays and objects that is accepted. */
  readonly maxDepth: number;
  /** Most keys that one object may have. */
  readonly maxKeys: number;
  /** Only numbers written as plain non-negative integers: no sign, fraction or exponent. */
  readonly integersOnly?: boolean;
}

/**
 * JSON.parse for files that a stranger wrote. JSON.parse alone keeps the last of two equal keys, rounds 2^53+1 and
 * turns 1E400 into Infinity, all in silence (docs: reliability, "Threats"), so the text is scanned first.
 * Throws ToolError 'corrupt' naming `file`.
 */
export function parseStrictJson(file: string, text: string, options: StrictJsonOptions): unknown {
  scan(file, text, options);
  try {
    return JSON.parse(text) as unknown;
  } catch (cause) {
    throw new ToolError('corrupt', { op: file, expected: 'JSON', got: describeSyntaxError(cause), cause });
  }
}

/** Like `parseStrictJson`, for files whose top level is an object. */
export function parseStrictJsonObject(file: string, text: string, options: StrictJsonOptions): JsonObject {
  const value = parseStrictJson(file, text, options);
  if (!isJsonObject(value)) {
    throw new ToolError('corrupt', { op: file, expected: 'a JSON object', got: describeJson(value) });
  }
  return value;
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A JSON value in a few characters, for messages. */
export function describeJson(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (isJsonObject(value)) return 'an object';
  if (value === undefined) return 'nothing';
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function describeSyntaxError(cause: unknown): string {
  const message = cause instanceof Error ? cause.message : String(cause);
  // V8 quotes the text around the error, which may be long and may hold control characters.
  return JSON.stringify(message).slice(1, 120);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const MINUS = 0x2d;
const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/** One pass over the characters: depth, duplicate keys and number forms. Grammar is left to JSON.parse. */
function scan(file: string, text: string, { maxDepth, maxKeys, integersOnly = false }: StrictJsonOptions): void {
  const fail = (expected: string, got: string): never => {
    throw new ToolError('corrupt', { op: file, expected, got });
  };
  // One entry a nesting level: the keys seen in that object, or null for an array.
  const levels: (Set<string> | null)[] = [];
  let expectsKey = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === QUOTE) {
      const start = i;
      let escaped = false;
      for (i++; i < text.length && text.charCodeAt(i) !== QUOTE; i++) {
        if (text.charCodeAt(i) === BACKSLASH) {
          escaped = true;
          i++;
        }
      }
      if (i >= text.length) fail('JSON', 'a string without an end');
      const keys = levels.at(-1);
      if (expectsKey && keys) {
        const key = escaped ? unescapeKey(file, text.slice(start, i + 1)) : text.slice(start + 1, i);
        if (keys.has(key)) fail('each key once', `${describeJson(key)} twice in one object`);
        if (keys.size >= maxKeys) fail(`at most ${maxKeys} keys in one object`, 'more');
        keys.add(key);
        expectsKey = false;
      }
    } else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
      levels.push(code === OPEN_BRACE ? new Set() : null);
      expectsKey = code === OPEN_BRACE;
      if (levels.length > maxDepth) fail(`nesting of at most ${maxDepth}`, 'deeper nesting');
    } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) {
      levels.pop();
      expectsKey = false;
    } else if (code === COMMA) {
      expectsKey = levels.at(-1) instanceof Set;
    } else if (code === COLON) {
      expectsKey = false;
    } else if (isDigit(code) || code === MINUS) {
      const start = i;
      while (i + 1 < text.length && isNumberCharacter(text.charCodeAt(i + 1))) i++;
      if (integersOnly && !isPlainInteger(text, start, i + 1)) {
        fail('plain non-negative integers', text.slice(start, Math.min(i + 1, start + 40)));
      }
      const value = Number(text.slice(start, i + 1));
      if (value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY) {
        fail('numbers that a double can hold', text.slice(start, Math.min(i + 1, start + 40)));
      }
    }
  }
}

function unescapeKey(file: string, literal: string): string {
  try {
    return JSON.parse(literal) as string;
  } catch (cause) {
    throw new ToolError('corrupt', {
      op: file,
      expected: 'JSON',
      got: `a malformed key ${literal.slice(0, 60)}`,
      cause,
    });
  }
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** What may follow the first character of a number: digits, signs, point, e and E. */
function isNumberCharacter(code: number): boolean {
  return isDigit(code) || code === MINUS || code === 0x2b || code === 0x2e || code === 0x45 || code === 0x65;
}

function isPlainInteger(text: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (!isDigit(text.charCodeAt(i))) return false;
  }
  return end - start === 1 || text.charCodeAt(start) !== 0x30;
}
