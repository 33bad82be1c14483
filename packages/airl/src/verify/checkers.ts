import { choiceChecker } from './choice.ts';
import { extractAnswer } from './extract.ts';
import { equalNumbers, parseNumber } from './number.ts';
import type { Checker } from './verdict.ts';

/** The answer is the same number as the gold answer: "1,000", "$5" and "12.0" are 1000, 5 and 12 (D18). */
const numericChecker: Checker = (completion, gold) => {
  const answer = extractAnswer(completion);
  if (answer === null) return { outcome: 'unparsed', answer, strict: false };
  const strict = answer === gold;
  const mine = parseNumber(answer);
  const right = parseNumber(gold);
  if (mine === undefined) return { outcome: 'unparsed', answer, strict };
  return { outcome: right !== undefined && equalNumbers(mine, right) ? 'correct' : 'wrong', answer, strict };
};

/** The answer is the gold answer, character by character. */
const exactChecker: Checker = (completion, gold) => {
  const answer = extractAnswer(completion);
  if (answer === null || answer === '') return { outcome: 'unparsed', answer, strict: false };
  const strict = answer === gold;
  return { outcome: strict ? 'correct' : 'wrong', answer, strict };
};

/** The checkers by name. To add one: a file, and a line here. */
export const CHECKERS = {
  numeric: numericChecker,
  exact: exactChecker,
  choice: choiceChecker,
} as const satisfies Record<string, Checker>;

export type CheckerName = keyof typeof CHECKERS;
