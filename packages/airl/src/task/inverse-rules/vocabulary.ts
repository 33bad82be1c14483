/**
 * The 68 words of the inverse-rules task, in the order of their ids. The order is part of the
 * format: a saved tokenizer and a saved model both depend on it.
 */
const DIGITS = 10;
export const RULES = 40;

/** Control tokens; the tokenizer takes them out of a text before it splits at spaces. */
export const SPECIAL_WORDS: readonly string[] = [
  ...['<pad>', '<eos>', '<q>', '<think>', '</think>', '<answer>', '</answer>', '<review>'],
];

export const ORDINARY_WORDS: readonly string[] = [
  ...Array.from({ length: DIGITS }, (_, digit) => String(digit)),
  ...Array.from({ length: RULES }, (_, rule) => `f${rule}`),
  ...['=', ';', ':', '.'],
  ...['so', 'then', 'thus', 'hence'],
  ...['ok', 'no'],
];

const WORDS: readonly string[] = [...SPECIAL_WORDS, ...ORDINARY_WORDS];

export const VOCAB_SIZE: number = WORDS.length;

const ids = new Map(WORDS.map((word, id) => [word, id]));

/** The id of a word of the task. */
function idOf(word: string): number {
  return ids.get(word) as number;
}

/** Ids of the words that the grammar names. Digit d is `firstDigit + d`, rule o is `firstRule + o`. */
export const TOKEN = {
  firstDigit: idOf('0'),
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

const CONNECTIVES = 4;

/** The digit of a digit token, or undefined. */
export function digitOf(id: number | undefined): number | undefined {
  return id !== undefined && id >= TOKEN.firstDigit && id < TOKEN.firstDigit + DIGITS
    ? id - TOKEN.firstDigit
    : undefined;
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
