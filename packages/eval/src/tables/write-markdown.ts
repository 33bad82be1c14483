import { intervalText, type NumberCell, numberText, type PaperCell, type PaperTable } from './paper-table.ts';

/** A GitHub Markdown section: title, table, notes. Text of labels is text, whatever it holds. */
export function writeMarkdown(table: PaperTable): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [
    `### ${markdownText(table.title)}`,
    '',
    line(table.columns.map(({ header }) => markdownText(header))),
    `|${table.columns.map(({ align }) => (align === 'right' ? '---:' : '---')).join('|')}|`,
    ...table.rows.map((row) => line(table.columns.map((_, c) => markdownCell(row[c] ?? '', table)))),
    '',
    ...table.notes.map((note) => `${markdownText(note)}\n`),
  ].join('\n');
}

function markdownText(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Cs}\u2028\u2029]+/gu, ' ')
    .replace(/[\\`*_[\]<>|~#&!]/g, (char) => (char === '#' || char === '!' ? char : `\\${char}`))
    .trim();
}

function markdownCell(cell: PaperCell, table: PaperTable): string {
  if (typeof cell === 'string') return markdownText(cell);
  const mark = cell.isMarked === true ? ' \\*' : '';
  return `${emphasis(cell, numberText(cell, table.decimals))}${intervalText(cell, table)}${mark}`;
}

function emphasis({ emphasis: kind }: NumberCell, text: string): string {
  if (kind === 'best') return `**${text}**`;
  return kind === 'second' ? `<u>${text}</u>` : text;
}
