import type { TextMeasure, TextStyle } from './figure.ts';

/** Lines of at most `width` pixels, broken at spaces; a word that is too long is broken where it must. */
export function wrapText(text: string, width: number, style: TextStyle, measure: TextMeasure): string[] {
  const lines: string[] = [];
  let line = '';
  const push = (): void => {
    if (line !== '') lines.push(line);
    line = '';
  };
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (measure(longer, style) <= width) {
      line = longer;
      continue;
    }
    push();
    for (const char of word) {
      if (line !== '' && measure(line + char, style) > width) push();
      line += char;
    }
  }
  push();
  return lines;
}
