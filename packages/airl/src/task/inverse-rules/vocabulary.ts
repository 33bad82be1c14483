/**
 * The 68 words of the inverse-rules task, in the order of their ids. The order is part of the
 * format: a saved tokenizer and a saved model both depend on it.
 */
const DIGITS = 10;
export const RULES = 40;

export const WORDS: readonly string[] = [
  ...Array.from({ length: DIGITS }, (_, digit) => String(digit)),
  ...Array.from({ length: RULES }, (_, rule) => `f${rule}`),
  ...['=', ';', ':', '<q>', '<think>', '</think>', '<answer>', '</answer>', '.'],
  ...['so', 'then', 'thus', 'hence'],
  ...['<review>', 'ok', 'no'],
  ...['<eos>', '<pad>'],
];

const ids = new Map(WORDS.map((word, id) => [word, id]));

/** The id of a word of the task. */
function idOf(word: string): number {
  return ids.get(word) as number;
}

/** Ids of the words that the grammar names. Digits are their own ids; rule `f0` has id `firstRule`. */
export const TOKEN = {
  firstRule: idOf('f0'),
  equals: idOf('='),
  semicolon: idOf(';'),
  colon: idOf(':'),
  question: idOf('<q>'),
  think: idOf('<think>'),
  thinkEnd: idOf('</think>'),
  answer: idOf('<answer>'),
  answerEnd: idOf('</answer>'),
  filler: idOf('.'),
  firstConnective: idOf('so'),
  review: idOf('<review>'),
  ok: idOf('ok'),
  no: idOf('no'),
  eos: idOf('<eos>'),
  pad: idOf('<pad>'),
} as const;

/** Words that the tokenizer must treat as special (never split, never merged). */
export const SPECIAL_WORDS: readonly string[] = WORDS.filter((word) => word.startsWith('<'));

const CONNECTIVES = 4;

export function isDigit(id: number | undefined): id is number {
  return id !== undefined && id >= 0 && id < DIGITS;
}

/** The rule number of a rule token, or undefined. */
export function ruleOf(id: number | undefined): number | undefined {
  return id !== undefined && id >= TOKEN.firstRule && id < TOKEN.firstRule + RULES ? id - TOKEN.firstRule : undefined;
}

export function isConnective(id: number | undefined): boolean {
  return id !== undefined && id >= TOKEN.firstConnective && id < TOKEN.firstConnective + CONNECTIVES;
}

/** The words of the ids, one piece a token; an id outside the vocabulary shows as `<id>`. */
export function wordsOf(tokenIds: ArrayLike<number>): string[] {
  return Array.from(tokenIds, (id) => WORDS[id] ?? `<${id}>`);
}
