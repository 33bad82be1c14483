import type { Draws } from '../data/draws.ts';
import type { TargetParts } from '../data/example.ts';
import type { Replacement, TextEdit } from './text-edit.ts';

const NUMBER = /\d+(?:,\d{3})*(?:\.\d+)?/g;
const OPERATORS = ['*', '/', '+', '-'] as const;
/** Other spellings of the operators. */
const SPELLINGS: Readonly<Record<string, string>> = { '×': '*', x: '*', '÷': '/', '−': '-' };
const FLIPS: Readonly<Record<string, string>> = { yes: 'no', no: 'yes', true: 'false', false: 'true' };

/** Replaces the first operator in one random line that has one. */
export const flipOperator: TextEdit = {
  region: 'reasoning',
  edit({ reasoning }, draws) {
    let lineStart = 0;
    const places = reasoning.split('\n').flatMap((line) => {
      const at = findOperator(line);
      const start = lineStart + at;
      lineStart += line.length + 1;
      return at < 0 ? [] : [start];
    });
    if (places.length === 0) return [];
    const start = draws.pick(places);
    const old = reasoning[start] as string;
    const others = OPERATORS.filter((operator) => operator !== (SPELLINGS[old] ?? old));
    return [{ start, end: start + 1, text: draws.pick(others) }];
  },
};

/** The place of the first operator that stands between two operands ("48/2", "12 x 2", not "two-page"), or -1. */
function findOperator(line: string): number {
  for (let i = 1; i < line.length - 1; i++) {
    const char = line[i] as string;
    if (!OPERATORS.some((operator) => operator === char) && SPELLINGS[char] === undefined) continue;
    if (/[\d)%]/.test(charBefore(line, i)) && /[\d($.]/.test(charAfter(line, i))) return i;
  }
  return -1;
}

function charBefore(line: string, i: number): string {
  return line[i - 1] === ' ' ? (line[i - 2] ?? '') : (line[i - 1] ?? '');
}

function charAfter(line: string, i: number): string {
  return line[i + 1] === ' ' ? (line[i + 2] ?? '') : (line[i + 1] ?? '');
}

/** Integer ±1, decimal ±1 in its last place, yes/no and true/false flipped, else two neighbours swapped. */
export const nearbyAnswer: TextEdit = {
  region: 'answer',
  edit: ({ answer }, draws) => wholly(answer, nearby(answer, draws)),
};

/** Another number of the reasoning; the nearby answer where there is none. */
export const answerFromReasoning: TextEdit = {
  region: 'answer',
  edit({ reasoning, answer }: TargetParts, draws: Draws) {
    const numbers = (reasoning.match(NUMBER) ?? []).map((text) => text.replaceAll(',', ''));
    const others = [...new Set(numbers)].filter((text) => Number(text) !== Number(answer.replaceAll(',', '')));
    return wholly(answer, others.length > 0 ? draws.pick(others) : nearby(answer, draws));
  },
};

/**
 * Changes max(1, digits / 4) numbers from the left: integers by ±{1, 2, 5, 10}, decimals by ±U(0.5, 2). A
 * number does not fall below zero: a sign in the middle of "10-2" would be more than a wrong number.
 */
export const changeNumbers: TextEdit = {
  region: 'reasoning',
  edit({ reasoning }, draws) {
    const digits = reasoning.match(/\d/g)?.length ?? 0;
    const count = Math.max(1, Math.floor(digits / 4));
    return [...reasoning.matchAll(NUMBER)].slice(0, count).flatMap(({ 0: old, index }) => {
      const sign = draws.chance(0.5) ? 1 : -1;
      const size = (decimals: number): number =>
        decimals === 0 ? draws.pick([1, 2, 5, 10]) : 0.5 + 1.5 * draws.uniform();
      const text = shiftNumber(old, (decimals, value) => {
        const by = size(decimals);
        return value + sign * by < 0 ? by : sign * by;
      });
      return text === undefined ? [] : [{ start: index, end: index + old.length, text }];
    });
  },
};

function wholly(old: string, text: string): Replacement[] {
  return text === old ? [] : [{ start: 0, end: old.length, text }];
}

function nearby(answer: string, draws: Draws): string {
  const flipped = FLIPS[answer.toLowerCase()];
  if (flipped !== undefined) return flipped;
  const sign = draws.chance(0.5) ? 1 : -1;
  const shifted = shiftNumber(answer, (decimals) => sign * 10 ** -decimals);
  if (shifted !== undefined) return shifted;
  if (answer.length === 1) return `${answer}.`;
  const i = draws.integer(answer.length - 1);
  return answer.slice(0, i) + answer.slice(i + 1, i + 2) + answer.slice(i, i + 1) + answer.slice(i + 2);
}

/** The number moved by what `by` gives for its decimals and value, written in the same style, or undefined. */
function shiftNumber(text: string, by: (decimals: number, value: number) => number): string | undefined {
  // Fifteen digits are exact in a double; longer ones would not move by one.
  const match = /^-?\d{1,15}(?:\.(\d{1,10}))?$/.exec(text.replaceAll(',', ''));
  if (match === null) return undefined;
  const decimals = match[1]?.length ?? 0;
  const value = Number(match[0]);
  return (value + by(decimals, value)).toFixed(decimals);
}
