import type { Draws } from '../../data/draws.ts';
import { type Problem, solve } from './problem.ts';
import { digitOf, isConnective, ruleOf, TOKEN } from './vocabulary.ts';
import { factOf, type World } from './world.ts';

/** Tokens of a line `conn v : o g = r ;`. */
export const LINE_TOKENS = 8;
/** Tokens of the tail `</think> <answer> g </answer> <eos>`. */
const TAIL_TOKENS = 5;

/** One written step. It is right when `guess` solves rule(guess) = value and `result` is that value. */
export interface Line {
  /** 0 so, 1 then, 2 thus, 3 hence. */
  connective: number;
  value: number;
  rule: number;
  guess: number;
  result: number;
}

export interface Trace {
  readonly lines: Line[];
  answer: number;
}

/** How often each connective is written, by experts and the base writer alike. */
export const CONNECTIVE_WEIGHTS = [0.4, 0.3, 0.2, 0.1];

/** Tokens of a completion with so many lines: length depends on the number of lines alone. */
export function completionTokens(lines: number): number {
  return LINE_TOKENS * lines + TAIL_TOKENS;
}

/** A trace whose every line is right; only the connectives are random. */
export function expertTrace(world: World, problem: Problem, draws: Draws): Trace {
  return writeTrace(world, problem, draws, (fact) => world.invert[fact] as number);
}

/** A trace of the base writer, which goes on from its own errors and reports each look-up honestly. */
export function baseTrace(world: World, problem: Problem, draws: Draws): Trace {
  return writeTrace(world, problem, draws, (fact) => {
    const right = world.invert[fact] as number;
    if (world.shaky[fact] === 0) return draws.chance(0.97) ? right : draws.integer(10);
    const way = draws.weighted([0.3, 0.6, 0.1]);
    return way === 0 ? right : way === 1 ? (world.misbelief[fact] as number) : draws.integer(10);
  });
}

function writeTrace(world: World, problem: Problem, draws: Draws, guessOf: (fact: number) => number): Trace {
  let value = problem.start;
  const lines = problem.rules.map((rule): Line => {
    const connective = draws.weighted(CONNECTIVE_WEIGHTS);
    const guess = guessOf(factOf(rule, value));
    const line = { connective, value, rule, guess, result: world.apply[rule * 10 + guess] as number };
    value = guess;
    return line;
  });
  return { lines, answer: value };
}

/** The completion's tokens, `completionTokens(lines)` long, `<eos>` included. */
export function encodeTrace(trace: Trace): Uint32Array {
  const ids = new Uint32Array(completionTokens(trace.lines.length));
  trace.lines.forEach((line, i) => {
    ids.set(
      [
        TOKEN.firstConnective + line.connective,
        TOKEN.firstDigit + line.value,
        TOKEN.colon,
        TOKEN.firstRule + line.rule,
        TOKEN.firstDigit + line.guess,
        TOKEN.equals,
        TOKEN.firstDigit + line.result,
        TOKEN.semicolon,
      ],
      i * LINE_TOKENS,
    );
  });
  ids.set(
    [TOKEN.thinkEnd, TOKEN.answer, TOKEN.firstDigit + trace.answer, TOKEN.answerEnd, TOKEN.eos],
    trace.lines.length * LINE_TOKENS,
  );
  return ids;
}

/** The line written at token `start`, or undefined where the tokens there are not a line. */
function lineAt(ids: ArrayLike<number>, start: number): Line | undefined {
  const [connective, valueId, colon, ruleId, guessId, equals, resultId, end] = Array.from(
    { length: LINE_TOKENS },
    (_, i) => ids[start + i],
  );
  const [value, rule, guess, result] = [digitOf(valueId), ruleOf(ruleId), digitOf(guessId), digitOf(resultId)];
  if (!isConnective(connective) || colon !== TOKEN.colon || equals !== TOKEN.equals || end !== TOKEN.semicolon) {
    return undefined;
  }
  if (value === undefined || rule === undefined || guess === undefined || result === undefined) return undefined;
  return { connective: (connective as number) - TOKEN.firstConnective, value, rule, guess, result };
}

/** The trace that a completion spells, or undefined unless it follows the grammar to the last token. */
export function parseTrace(completionIds: ArrayLike<number>): Trace | undefined {
  const count = (completionIds.length - TAIL_TOKENS) / LINE_TOKENS;
  if (!Number.isInteger(count) || count < 1) return undefined;
  const lines: Line[] = [];
  for (let i = 0; i < count; i++) {
    const line = lineAt(completionIds, i * LINE_TOKENS);
    if (line === undefined) return undefined;
    lines.push(line);
  }
  const answer = digitOf(completionIds[count * LINE_TOKENS + 2]);
  if (answer === undefined) return undefined;
  const trace = { lines, answer };
  return encodeTrace(trace).every((id, i) => id === completionIds[i]) ? trace : undefined;
}

export interface FirstError {
  /** The wrong line, 0-based; the number of rules where the tail is wrong. */
  readonly step: number;
  /** The first wrong token of the completion. */
  readonly token: number;
}

/**
 * Where a completion first goes wrong, or undefined where it is right. A line is wrong when its value
 * is not the running value, its rule not the prompt's, its guess not the solution, its result not
 * rule(guess), or where it is no line at all.
 */
export function firstError(world: World, problem: Problem, completionIds: ArrayLike<number>): FirstError | undefined {
  const digits = solve(world, problem);
  // The right completion, up to its connectives; the running value is right until the first error.
  const right = encodeTrace({
    lines: problem.rules.map((rule, i) => {
      const value = i === 0 ? problem.start : (digits[i - 1] as number);
      return { connective: 0, value, rule, guess: digits[i] as number, result: value };
    }),
    answer: digits[digits.length - 1] as number,
  });
  const length = Math.max(right.length, completionIds.length);
  for (let token = 0; token < length; token++) {
    const written = completionIds[token];
    const isConnectivePlace = token < problem.rules.length * LINE_TOKENS && token % LINE_TOKENS === 0;
    if (isConnectivePlace ? isConnective(written) : written === right[token]) continue;
    return { step: Math.min(Math.floor(token / LINE_TOKENS), problem.rules.length), token };
  }
  return undefined;
}
