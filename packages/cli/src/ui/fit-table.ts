import type { Table } from '@dawngrad/eval';
import stringWidth from 'string-width';
import { plainText } from './plain-text.ts';

const GAP = 2;
/** A column that gives way keeps so many cells of the terminal. */
const MIN_WIDTH = 8;
const CUT = '...';

/**
 * A table for a terminal of so many cells a line. Where it is too wide its widest text columns give way first, cut in
 * the middle; where even that does not fit, each row becomes a block of lines `header  value`. Wide characters (East
 * Asian, emoji) count as the two cells that they take; control characters are left out.
 */
export function fitTable({ columns, rows }: Table, width: number): string {
  const headers = columns.map(({ header }) => oneLine(header));
  const cells = rows.map((row) => columns.map((_, c) => oneLine(row[c] ?? '')));
  const natural = headers.map((header, c) =>
    Math.max(stringWidth(header), ...cells.map((row) => stringWidth(row[c]!))),
  );
  const widths = shrink(
    natural,
    columns.map(({ align }, c) => (align === 'left' ? Math.min(MIN_WIDTH, natural[c]!) : natural[c]!)),
    width - GAP * (columns.length - 1),
  );
  if (widths === undefined) return blocks(headers, cells, width);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, c) => {
        const text = cutMiddle(cell, widths[c]!);
        const fill = ' '.repeat(widths[c]! - stringWidth(text));
        return columns[c]!.align === 'right' ? fill + text : text + fill;
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  return [line(headers), widths.map((one) => '-'.repeat(one)).join(' '.repeat(GAP)), ...cells.map(line)].join('\n');
}

/** The text in at most `width` cells; its end tells more than its middle. */
export function cutMiddle(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  const room = width - CUT.length;
  if (room < 2) return take(text, width);
  const tail = Math.floor(room / 2);
  const reversed = [...text].reverse().join('');
  return `${take(text, room - tail)}${CUT}${[...take(reversed, tail)].reverse().join('')}`;
}

/** As many characters from the start as fit. */
function take(text: string, width: number): string {
  let taken = '';
  for (const char of text) {
    if (stringWidth(taken + char) > width) break;
    taken += char;
  }
  return taken;
}

/** Takes from the widest column that may still give, a cell at a time; undefined where all are at their least. */
function shrink(natural: readonly number[], least: readonly number[], room: number): number[] | undefined {
  const widths = [...natural];
  for (let over = widths.reduce((sum, one) => sum + one, 0) - room; over > 0; over--) {
    const giving = widths.flatMap((one, c) => (one > least[c]! ? [c] : []));
    if (giving.length === 0) return undefined;
    const widest = giving.reduce((best, c) => (widths[c]! > widths[best]! ? c : best));
    widths[widest]!--;
  }
  return widths;
}

function blocks(headers: readonly string[], cells: readonly (readonly string[])[], width: number): string {
  const label = Math.max(...headers.map((header) => stringWidth(header)));
  return cells
    .map((row) =>
      row
        .flatMap((cell, c) => {
          if (cell === '') return [];
          const head = headers[c]! + ' '.repeat(label - stringWidth(headers[c]!));
          return [`${head}${' '.repeat(GAP)}${cutMiddle(cell, Math.max(MIN_WIDTH, width - label - GAP))}`.trimEnd()];
        })
        .join('\n'),
    )
    .join('\n\n');
}

function oneLine(text: string): string {
  return plainText(text).replace(/[\n\t]+/g, ' ');
}
