import { unwrap } from './unwrap.ts';
import type { ChoiceOptions, Comparison } from './verdict.ts';

// A label stands at the start only: "B. text", "(b) text", "B: text", "B - text", or the bare letter.
// The reference also looked for labels further on and so rejected honest text such as
// "vitamin b-12: ..., A: ..." (D17).
const LABELLED = /^\(?([A-Za-z])\)?\s?[.):-]\s*(.*)$/s;
const BARE = /^\(?([A-Za-z])\)?[.]?$/;
const SEVERAL = /^\(?[A-Za-z]\)?\s?(?:[,/&+]|\band\b|\bor\b)\s?\(?[A-Za-z]\)?(?![A-Za-z])/i;
const SECOND_LABEL = /^\(?[A-Za-z]\)?[.):]/;

/** "Option B", "answer: (B)". */
const LEAD = /^(?:the )?(?:correct )?(?:option|choice|answer)(?: is)? ?:? ?(?=\(?[A-Za-z]\)?(?![A-Za-z]))/i;

const MAX_CHARS = 2000;

function normalise(text: string): string {
  const folded = unwrap(text).toLowerCase();
  return folded.endsWith('.') ? folded.slice(0, -1).trimEnd() : folded;
}

interface Choice {
  readonly letter?: string;
  readonly text?: string;
}

/** What an answer names: an option's letter, or a text, or (undefined) nothing that can be told. */
function parseChoice(answer: string, options: ChoiceOptions | undefined): Choice | undefined {
  if (answer.length > MAX_CHARS) return undefined;
  const text = unwrap(answer).replace(LEAD, '');
  if (text === '') return undefined;
  const isLetter = (letter: string): boolean =>
    options === undefined ? letter >= 'A' && letter <= 'J' : Object.hasOwn(options, letter);
  const letterOf = (optionText: string): string | undefined =>
    Object.entries(options ?? {}).find(([, option]) => normalise(option) === normalise(optionText))?.[0];

  // An option whose text looks like a label ("B-12 deficiency") is recognised by its whole text first.
  const whole = letterOf(text);
  if (whole !== undefined) return { letter: whole };
  const bare = BARE.exec(text)?.[1]?.toUpperCase();
  if (bare !== undefined && isLetter(bare)) return { letter: bare };
  if (SEVERAL.test(text)) return undefined;
  const labelled = LABELLED.exec(text);
  const letter = labelled?.[1]?.toUpperCase();
  if (letter === undefined || !isLetter(letter)) return { text };
  const body = (labelled?.[2] ?? '').trim();
  if (SECOND_LABEL.test(body) && letterOf(body) === undefined) return undefined;
  const named = letterOf(body);
  // "A. <text of B>" contradicts itself.
  if (named !== undefined && named !== letter) return undefined;
  return { letter, text: body };
}

/**
 * Multiple choice: the prediction and the gold answer name the same option, by letter, by
 * "letter + text", or by the option's text alone (when the options are known).
 */
export const compareChoices: Comparison = (answer, gold, options) => {
  const mine = parseChoice(answer, options);
  const right = parseChoice(gold, options);
  if (mine === undefined) return 'unparsed';
  return right !== undefined && names(mine, right) ? 'correct' : 'wrong';
};

function names(mine: Choice, right: Choice): boolean {
  if (mine.letter !== undefined && right.letter !== undefined) return mine.letter === right.letter;
  return mine.text !== undefined && right.text !== undefined && normalise(mine.text) === normalise(right.text);
}
