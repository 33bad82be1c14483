/** A column of a table: its title, and whether its cells are numbers, which stand to the right. */
export interface Column {
  readonly title: string;
  readonly isNumber: boolean;
}

/** Rows of cells as aligned text, with a rule under the titles. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const widths = columns.map(({ title }, i) => Math.max(title.length, ...rows.map((row) => row[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (columns[i]!.isNumber ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join('  ')
      .trimEnd();
  return [line(columns.map((column) => column.title)), widths.map((w) => '-'.repeat(w)).join('  '), ...rows.map(line)]
    .map((text) => `${text}\n`)
    .join('');
}
