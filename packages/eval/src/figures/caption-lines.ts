import type { TextMeasure } from './figure.ts';
import { MUTED } from './palette.ts';
import type { SvgDrawing } from './svg-drawing.ts';
import { wrapText } from './wrap-text.ts';

const SIZE = 7.5;
const LINE = 10;

/** Writes a caption from a place downwards; returns where it ends. */
export function drawCaption(
  drawing: SvgDrawing,
  [subject = '', ...notes]: readonly string[],
  x: number,
  y: number,
  width: number,
  measure: TextMeasure,
): number {
  let at = y;
  for (const [i, paragraph] of [subject, ...notes].entries()) {
    const isBold = i === 0;
    for (const line of wrapText(paragraph, width, { size: SIZE, isBold }, measure)) {
      at += LINE;
      drawing.text(x, at, line, { size: SIZE, isBold, ...(isBold ? {} : { colour: MUTED }) });
    }
  }
  return at;
}
