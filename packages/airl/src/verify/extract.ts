const OPEN = '<answer>';
const CLOSE = '</answer>';
const HASHES = '####';

/** Finds the final answer in a completion; null where there is none. Total, in time linear in the text. */
export type Extractor = (text: string) => string | null;

/**
 * The answer of a completion in the canonical form: null only if neither answer tag occurs, otherwise
 * the text after the last `<answer>` up to the next `</answer>`, trimmed. Without an opening tag it is
 * all text before `</answer>` (r-airl.md, section 6).
 */
export const extractAnswer: Extractor = (text) => {
  const open = text.lastIndexOf(OPEN);
  const start = open < 0 ? 0 : open + OPEN.length;
  const close = text.indexOf(CLOSE, start);
  if (open < 0 && close < 0) return null;
  return text.slice(start, close < 0 ? undefined : close).trim();
};

/** The final answer of a GSM8K solution: the rest of the line after the last `####`, or null. */
export const extractHashAnswer: Extractor = (text) => {
  const hashes = text.lastIndexOf(HASHES);
  if (hashes < 0) return null;
  const start = hashes + HASHES.length;
  const newline = text.indexOf('\n', start);
  return text.slice(start, newline < 0 ? undefined : newline).trim();
};

const BOXES = ['\\boxed', '\\fbox', '\\framebox'];

/**
 * What the last `\boxed{...}` (`\fbox`, `\framebox`) that closes holds, braces counted and `\{` passed
 * over; null without such a box. A box inside a box belongs to the outer one.
 */
export const extractBoxed: Extractor = (text) => {
  // Where each open brace's content starts; -1 for braces that open no box.
  const open: number[] = [];
  let found: string | null = null;
  for (let i = 0; i < text.length; i++) {
    const char = text[i];
    if (char === '\\' && (text[i + 1] === '{' || text[i + 1] === '}' || text[i + 1] === '\\')) i++;
    else if (char === '{') open.push(BOXES.some((box) => text.endsWith(box, i)) ? i + 1 : -1);
    else if (char === '}') {
      const start = open.pop() ?? -1;
      if (start >= 0) found = text.slice(start, i).trim();
    }
  }
  return found;
};

const STATED = /\banswer\s*(?:is|:|=)/gi;

/**
 * What the last "answer is ..." or "answer: ..." states, to the end of its line or sentence, without
 * bold marks; null where nothing is stated.
 */
export const extractStatedAnswer: Extractor = (text) => {
  let start = -1;
  for (const match of text.matchAll(STATED)) start = match.index + match[0].length;
  if (start < 0) return null;
  const rest = text
    .slice(start)
    .trimStart()
    .replace(/^[:*\s]+/, '');
  const end = /\n|[.!?](?=\s|$)/.exec(rest)?.index ?? rest.length;
  const stated = rest.slice(0, end).replaceAll('**', '').trim();
  return stated === '' ? null : stated;
};

const NUMBERS = /[-−]?(?:[$£€¥] ?)?\d[\d,]*(?:\.\d+)?(?:\/\d+)?%?/g;

/** The last number in a text, with its sign, currency and percent sign; null without a number. */
export const extractLastNumber: Extractor = (text) => {
  let last: string | null = null;
  for (const match of text.matchAll(NUMBERS)) last = match[0].replace(/,+$/, '');
  return last;
};

/**
 * The first of tags, box, `####`, "answer is" and last number that is there. It rewards guessing, so it
 * is for texts whose writer was never told of tags, not for training.
 */
const extractLenient: Extractor = (text) =>
  extractAnswer(text) ??
  extractBoxed(text) ??
  extractHashAnswer(text) ??
  extractStatedAnswer(text) ??
  extractLastNumber(text);

/** The ways to find an answer, by name. To add one: a function, and a line here. */
export const EXTRACTORS = {
  tags: extractAnswer,
  hashes: extractHashAnswer,
  boxed: extractBoxed,
  stated: extractStatedAnswer,
  'last-number': extractLastNumber,
  lenient: extractLenient,
} as const satisfies Record<string, Extractor>;

export type ExtractorName = keyof typeof EXTRACTORS;
