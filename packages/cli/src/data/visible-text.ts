/** Characters that change a line without showing: zero-width ones, marks of direction, line separators, tags. */
const HIDDEN = /\p{Default_Ignorable_Code_Point}|\p{Cf}|\p{Zl}|\p{Zp}|\p{Surrogate}/u;

/**
 * Text with everything that does not print written as an escape, so that a row cannot steer the terminal or hide what
 * is in it. A newline is shown as `\n` and then taken; a tab as `\t`.
 */
export function visibleText(text: string): string {
  let visible = '';
  for (const char of text) visible += visibleCharacter(char);
  return visible;
}

function visibleCharacter(char: string): string {
  if (char === '\n') return '\\n\n';
  if (char === '\t') return '\\t';
  if (char === '\r') return '\\r';
  const code = char.codePointAt(0) as number;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return `\\x${code.toString(16).padStart(2, '0')}`;
  if (HIDDEN.test(char)) return `\\u{${code.toString(16)}}`;
  return char;
}
