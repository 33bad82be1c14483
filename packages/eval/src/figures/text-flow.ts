import type { TextMeasure, TextStyle } from './figure.ts';

/** A piece of text that is drawn in one way; it may hold spaces and line breaks. */
export interface TextPiece<Look> {
  readonly text: string;
  readonly look: Look;
}

export interface PlacedPiece<Look> {
  readonly text: string;
  readonly look: Look;
  /** From the left end, and the number of the line. */
  readonly x: number;
  readonly line: number;
  readonly width: number;
}

export interface TextFlow<Look> {
  readonly pieces: readonly PlacedPiece<Look>[];
  readonly lines: number;
  /** Pieces that were left out since there were more lines than asked for. */
  readonly leftOut: number;
}

/** Sets pieces one after another in lines of `width` pixels; a break of line ends one, long pieces are broken. */
export function flowText<Look>(
  pieces: readonly TextPiece<Look>[],
  width: number,
  maxLines: number,
  style: TextStyle,
  measure: TextMeasure,
): TextFlow<Look> {
  const placed: PlacedPiece<Look>[] = [];
  let [x, line] = [0, 0];
  for (const [i, { text, look }] of pieces.entries()) {
    // A piece goes to the next line as a whole where it fits there; its leading space then goes with it.
    for (const part of text.replaceAll('\t', '    ').split(/(\n)/)) {
      if (part === '\n') {
        [x, line] = [0, line + 1];
        continue;
      }
      let rest = part;
      while (rest !== '') {
        const full = measure(rest, style);
        if (x + full <= width) {
          placed.push({ text: rest, look, x, line, width: full });
          x += full;
          rest = '';
        } else if (x > 0) {
          [x, line] = [0, line + 1];
          rest = rest.trimStart();
        } else {
          let taken = '';
          for (const char of rest) {
            if (taken !== '' && measure(taken + char, style) > width) break;
            taken += char;
          }
          placed.push({ text: taken, look, x, line, width: measure(taken, style) });
          rest = rest.slice(taken.length);
          [x, line] = [0, line + 1];
        }
        if (line >= maxLines) {
          return { pieces: placed.filter((one) => one.line < maxLines), lines: maxLines, leftOut: pieces.length - i };
        }
      }
    }
  }
  return { pieces: placed, lines: line + 1, leftOut: 0 };
}

/** The words of a text, each with the space before it: nothing is lost. */
export function wordsOf(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? [];
}
