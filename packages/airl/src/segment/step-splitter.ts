/**
 * Where a step of a chain of thought ends, piece by piece (r-airl.md, section 3.5). The rules are
 * those of the reference, kept for comparability with their known consequences: a list number is
 * marked at its own dot, "... is no." ends only at its newline, and a sentence before one that
 * starts with a digit does not end. There is one copy of this splitter: training, scoring,
 * evaluation and plots share it (D6).
 */

/** The indices of the pieces that end a step, ascending. The last piece is always one. */
export type StepRule = (pieces: readonly string[]) => number[];

const SUFFIX_CHARS = 96;

const EXPLICIT_ENDS = [
  ...['</think>', '<|im_end|>', '<|endoftext|>', '<|eot_id|>', '####', '\r\n\r\n', '\n\n\n', '\n\n'],
  ...['.', '!', '?', ';', ':'].map((mark) => `${mark}\n`),
  ...['\n- ', '\n* ', '\n• '],
  ...Array.from({ length: 10 }, (_, i) => `\n${i + 1}.`),
];

const ABBREVIATIONS = new Set([
  ...['i.e.', 'e.g.', 'etc.', 'vs.', 'cf.', 'mr.', 'mrs.', 'ms.', 'dr.', 'prof.'],
  ...['sr.', 'jr.', 'no.', 'fig.', 'eq.', 'sec.', 'resp.'],
]);

const WRAPPER_TAGS = ['think', 'answer', 'reasoning'].flatMap((name) => [`<${name}>`, `</${name}>`]);

/** The step rule for natural-language traces. */
export const splitSteps: StepRule = (pieces) => {
  const marks: number[] = [];
  const visible = new VisibleText();
  let suffix = '';
  for (let i = 0; i < pieces.length; i++) {
    const piece = pieces[i] as string;
    suffix = (suffix + piece).slice(-SUFFIX_CHARS);
    visible.add(piece);
    const isLast = i === pieces.length - 1;
    const ends =
      endsExplicitly(suffix) || endsAtNewline(piece, suffix) || endsAtPunctuation(piece, suffix, pieces[i + 1] ?? '');
    const repeats = piece.trim() === '' && marks[marks.length - 1] === i - 1;
    if (isLast || (ends && visible.seen && !repeats)) marks.push(i);
  }
  return marks;
};

function endsExplicitly(suffix: string): boolean {
  return EXPLICIT_ENDS.some((end) => suffix.endsWith(end));
}

function endsAtNewline(piece: string, suffix: string): boolean {
  if (!piece.includes('\n') || !suffix.endsWith('\n')) return false;
  const before = suffix.slice(0, -1);
  if (before.endsWith('\n') || before.endsWith('</think>') || before.endsWith('####')) return true;
  const last = before.trimEnd().at(-1);
  return last !== undefined && '.!?;:)'.includes(last);
}

function endsAtPunctuation(piece: string, suffix: string, nextPiece: string): boolean {
  if (stripBlanks(piece) === '') return false;
  const text = stripBlanks(suffix);
  const last = text.at(-1);
  if (last === undefined || !'.!?;:'.includes(last)) return false;
  if (last !== '.') return true;
  return !endsWithAbbreviation(text) && !/^\s*\d/.test(nextPiece);
}

/** The text without the spaces and tabs at its end (a loop: `/[ \t]+$/` is quadratic on runs of blanks). */
function stripBlanks(text: string): string {
  let end = text.length;
  while (end > 0 && (text[end - 1] === ' ' || text[end - 1] === '\t')) end--;
  return text.slice(0, end);
}

function endsWithAbbreviation(text: string): boolean {
  let start = text.length;
  while (start > 0 && /[A-Za-z.]/.test(text[start - 1] as string)) start--;
  return ABBREVIATIONS.has(text.slice(start).toLowerCase());
}

/** Tells when text other than white space and wrapper tags has been seen; tags may span pieces. */
class VisibleText {
  seen = false;
  private pending = '';

  add(piece: string): void {
    if (this.seen) return;
    this.pending = (this.pending + piece).trimStart();
    for (;;) {
      const length = tagLength(this.pending);
      if (length === 0) break;
      this.pending = this.pending.slice(length).trimStart();
    }
    this.seen = this.pending !== '' && !startsTag(this.pending);
  }
}

/** Length of the complete wrapper tag that the text starts with, or 0. */
function tagLength(text: string): number {
  if (text.startsWith('<|')) {
    const end = text.indexOf('|>', 2);
    return end < 0 ? 0 : end + 2;
  }
  return WRAPPER_TAGS.find((tag) => text.startsWith(tag))?.length ?? 0;
}

/** Whether the text may yet grow into a wrapper tag. */
function startsTag(text: string): boolean {
  return (
    WRAPPER_TAGS.some((tag) => tag.startsWith(text)) ||
    '<|'.startsWith(text) ||
    (text.startsWith('<|') && text.length <= SUFFIX_CHARS)
  );
}
