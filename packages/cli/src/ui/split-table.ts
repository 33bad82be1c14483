import { renderTextTable, type Table } from '@dawngrad/eval';

/**
 * A table in at most `width` columns of characters: what does not fit goes into further tables below, each with the
 * first column again. A single column that is too wide stays so.
 */
export function splitTable({ columns, rows }: Table, width: number): string {
  const parts: string[] = [];
  for (let first = 1; first < columns.length || parts.length === 0; ) {
    let end = Math.min(first + 1, columns.length);
    const part = (last: number): string => {
      const pick = <T>(cells: readonly T[]): T[] => [...cells.slice(0, 1), ...cells.slice(first, last)];
      return renderTextTable({ columns: pick(columns), rows: rows.map(pick) });
    };
    while (end < columns.length && widest(part(end + 1)) <= width) end++;
    parts.push(part(end));
    first = end;
  }
  return parts.join('\n\n');
}

function widest(text: string): number {
  return text.split('\n').reduce((most, line) => Math.max(most, line.length), 0);
}
