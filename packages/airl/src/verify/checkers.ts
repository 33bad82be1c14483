import { compareChoices } from './choice.ts';
import { compareCountdown } from './countdown.ts';
import { EXTRACTORS, type ExtractorName } from './extract.ts';
import { compareMath } from './math.ts';
import { compareNumbers } from './number.ts';
import type { Checker, Comparison } from './verdict.ts';

/** The answer is the gold answer, character by character. */
const compareTexts: Comparison = (answer, gold) => {
  if (answer === '') return 'unparsed';
  return answer === gold ? 'correct' : 'wrong';
};

/** How an answer is compared with the gold answer, by name. To add one: a file, and a line here. */
const COMPARISONS = {
  numeric: compareNumbers,
  exact: compareTexts,
  choice: compareChoices,
  math: compareMath,
  countdown: compareCountdown,
} as const satisfies Record<string, Comparison>;

export type CheckerName = keyof typeof COMPARISONS;

/** A checker that finds the answer in its own way; training and evaluation of one run share one checker. */
export function createChecker(name: CheckerName, extractor: ExtractorName): Checker {
  const extract = EXTRACTORS[extractor];
  const compare: Comparison = COMPARISONS[name];
  return (completion, gold, options) => {
    const answer = extract(completion);
    if (answer === null) return { outcome: 'unparsed', answer, strict: false };
    return { outcome: compare(answer, gold, options), answer, strict: answer !== '' && answer === gold };
  };
}

/** The checkers by name; the answer stands between the answer tags. */
export const CHECKERS = {
  numeric: createChecker('numeric', 'tags'),
  exact: createChecker('exact', 'tags'),
  choice: createChecker('choice', 'tags'),
  math: createChecker('math', 'tags'),
  countdown: createChecker('countdown', 'tags'),
} as const satisfies Record<CheckerName, Checker>;
