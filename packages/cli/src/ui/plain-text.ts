/**
 * Text that is safe to print: without escape sequences and control characters, which would otherwise
 * reach the terminal from file names, data rows and what a model writes. Newlines and tabs stay.
 */
export function plainText(text: string): string {
  let plain = '';
  for (const char of text) {
    const code = char.codePointAt(0) as number;
    const isControl = (code < 0x20 && code !== 0x0a && code !== 0x09) || (code >= 0x7f && code < 0xa0);
    // Marks that reorder a line could make it read as something else.
    const isReordering = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
    if (!isControl && !isReordering) plain += char;
  }
  return plain;
}
