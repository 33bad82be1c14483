import type { Draws } from '../data/draws.ts';
import type { TargetParts } from '../data/example.ts';

/** The part of a canonical target that an edit may touch; the other part stays as it is (D12). */
export type Region = 'reasoning' | 'answer';

export interface TextEdit {
  readonly region: Region;
  /** The new text of the region; equal to the old one where the edit finds nothing to do. */
  readonly edit: (parts: TargetParts, draws: Draws) => string;
}

const NUMBER = /\d+(?:,\d{3})*(?:\.\d+)?/g;
const OPERATORS = ['*', '/', '+', '-'] as const;
/** Other spellings of the operators. */
const SPELLINGS: Readonly<Record<string, string>> = { '×': '*', x: '*', '÷': '/', '−': '-' };
const FLIPS: Readonly<Record<string, string>> = { yes: 'no', no: 'yes', true: 'false', false: 'true' };

/** Replaces the first operator in one random line that has one. */
function flipOperator({ reasoning }: TargetParts, draws: Draws): string {
  const lines = reasoning.split('\n');
  const places = lines.flatMap((line, i) => {
    const at = findOperator(line);
    return at < 0 ? [] : [{ line: i, at }];
  });
  if (places.length === 0) return reasoning;
  const { line, at } = draws.pick(places);
  const text = lines[line] as string;
  const old = text[at] as string;
  const others = OPERATORS.filter((operator) => operator !== (SPELLINGS[old] ?? old));
  lines[line] = text.slice(0, at) + draws.pick(others) + text.slice(at + 1);
  return lines.join('\n');
}

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
function nearbyAnswer({ answer }: TargetParts, draws: Draws): string {
  const flipped = FLIPS[answer.toLowerCase()];
  if (flipped !== undefined) return flipped;
  const sign = draws.chance(0.5) ? 1 : -1;
  const shifted = shiftNumber(answer, (decimals) => sign * 10 ** -decimals);
  if (shifted !== undefined) return shifted;
  if (answer.length === 1) return `${answer}.`;
  const i = draws.integer(answer.length - 1);
  return answer.slice(0, i) + answer.slice(i + 1, i + 2) + answer.slice(i, i + 1) + answer.slice(i + 2);
}

/** Another number of the reasoning; the nearby answer where there is none. */
function answerFromReasoning(parts: TargetParts, draws: Draws): string {
  const numbers = (parts.reasoning.match(NUMBER) ?? []).map((text) => text.replaceAll(',', ''));
  const others = [...new Set(numbers)].filter((text) => Number(text) !== Number(parts.answer.replaceAll(',', '')));
  return others.length > 0 ? draws.pick(others) : nearbyAnswer(parts, draws);
}

/**
 * Changes max(1, digits / 4) numbers from the left: integers by ±{1, 2, 5, 10}, decimals by ±U(0.5, 2).
 */
function changeNumbers({ reasoning }: TargetParts, draws: Draws): string {
  const digits = reasoning.match(/\d/g)?.length ?? 0;
  let left = Math.max(1, Math.floor(digits / 4));
  return reasoning.replace(NUMBER, (text) => {
    if (left === 0) return text;
    left--;
    const sign = draws.chance(0.5) ? 1 : -1;
    const size = (decimals: number): number =>
      sign * (decimals === 0 ? draws.pick([1, 2, 5, 10]) : 0.5 + 1.5 * draws.uniform());
    return shiftNumber(text, size) ?? text;
  });
}

/** The number moved by what `by` gives for its count of decimals, written in the same style, or undefined. */
function shiftNumber(text: string, by: (decimals: number) => number): string | undefined {
  // Fifteen digits are exact in a double; longer ones would not move by one.
  const match = /^-?\d{1,15}(?:\.(\d{1,10}))?$/.exec(text.replaceAll(',', ''));
  if (match === null) return undefined;
  const decimals = match[1]?.length ?? 0;
  return (Number(match[0]) + by(decimals)).toFixed(decimals);
}

/** The edits by their names (`negatives.functions`). To add one: a function, and a line here. */
export const TEXT_EDITS = {
  flip_operator_in_one_step: { region: 'reasoning', edit: flipOperator },
  corrupt_answer_nearby_number: { region: 'answer', edit: nearbyAnswer },
  corrupt_answer_with_think_number: { region: 'answer', edit: answerFromReasoning },
  corrupt_numbers: { region: 'reasoning', edit: changeNumbers },
} as const satisfies Record<string, TextEdit>;

export type TextEditName = keyof typeof TEXT_EDITS;
