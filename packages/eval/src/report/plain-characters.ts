/** Controls, marks of direction, zero-width characters, line separators, halves of characters: what does not show. */
const HIDDEN = /\p{Cc}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Cs}/gu;

/** Text in which every character shows: a control stands as its picture, the others by their number. */
export function plainCharacters(text: string): string {
  return text.replace(HIDDEN, shownAs);
}

function shownAs(char: string): string {
  if (char === '\n' || char === '\t') return char;
  const code = char.codePointAt(0) as number;
  if (code < 0x20) return String.fromCharCode(0x2400 + code);
  if (code === 0x7f) return '\u2421';
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
  return `\u27e8${code.toString(16).padStart(4, '0')}\u27e9`;
}
