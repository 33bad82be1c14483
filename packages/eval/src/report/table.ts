export interface Column {
  readonly header: string;
  readonly align: 'left' | 'right';
}

/** A table of finished strings: one model for the terminal, Markdown and HTML. */
export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
}

/** Aligned plain text: two spaces between columns, one rule under the head; draws with ASCII only. */
export function renderTextTable(table: Table): string {
  const widths = table.columns.map((column, c) =>
    Math.max(displayWidth(column.header), ...table.rows.map((row) => displayWidth(row[c] ?? ''))),
  );
  const line = (cells: readonly string[]): string =>
    table.columns
      .map((column, c) => pad(cells[c] ?? '', widths[c]!, column.align))
      .join('  ')
      .trimEnd();
  return [
    line(table.columns.map((column) => column.header)),
    widths.map((width) => '-'.repeat(width)).join('  '),
    ...table.rows.map(line),
  ].join('\n');
}

/** A GitHub Markdown table; pipes and line breaks in cells are escaped. */
export function renderMarkdownTable(table: Table): string {
  const escaped = (cell: string): string => cell.replace(/\\/g, '\\\\').replace(/\|/g, '\\|').replace(/\r?\n/g, '<br>');
  const line = (cells: readonly string[]): string => `| ${cells.map(escaped).join(' | ')} |`;
  return [
    line(table.columns.map((column) => column.header)),
    `|${table.columns.map((column) => (column.align === 'right' ? '---:' : '---')).join('|')}|`,
    ...table.rows.map((row) => line(table.columns.map((_, c) => row[c] ?? ''))),
  ].join('\n');
}

function pad(cell: string, width: number, align: Column['align']): string {
  const fill = ' '.repeat(width - displayWidth(cell));
  return align === 'right' ? fill + cell : cell + fill;
}

/** Code points, not UTF-16 units, so that a cell with an emoji does not shift its column. */
function displayWidth(cell: string): number {
  return [...cell].length;
}
