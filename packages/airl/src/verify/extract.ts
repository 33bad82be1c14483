const OPEN = '<answer>';
const CLOSE = '</answer>';
const HASHES = '####';

/**
 * The answer of a completion in the canonical form: null only if neither answer tag occurs, otherwise
 * the text after the last `<answer>` up to the next `</answer>`, trimmed. Without an opening tag it is
 * all text before `</answer>` (r-airl.md, section 6).
 */
export function extractAnswer(text: string): string | null {
  const open = text.lastIndexOf(OPEN);
  const start = open < 0 ? 0 : open + OPEN.length;
  const close = text.indexOf(CLOSE, start);
  if (open < 0 && close < 0) return null;
  return text.slice(start, close < 0 ? undefined : close).trim();
}

/** The final answer of a GSM8K solution: the rest of the line after the last `####`, or null. */
export function extractHashAnswer(text: string): string | null {
  const hashes = text.lastIndexOf(HASHES);
  if (hashes < 0) return null;
  const start = hashes + HASHES.length;
  const newline = text.indexOf('\n', start);
  return text.slice(start, newline < 0 ? undefined : newline).trim();
}
