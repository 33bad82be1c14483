import type { NumberCell, PaperTable } from './paper-table.ts';

/**
 * Comma-separated values (RFC 4180) with one column a number: a column with intervals becomes three. Per cent where
 * the header says so, unrounded; an empty field is n/a. Text that a spreadsheet would run as a formula is quoted with
 * an apostrophe.
 */
export function writeCsv({ columns, rows }: PaperTable): string {
  const hasBounds = columns.map((_, c) =>
    rows.some((row) => {
      const cell = row[c];
      return typeof cell === 'object' && cell.low !== undefined;
    }),
  );
  const head = columns.flatMap(({ header }, c) =>
    hasBounds[c] === true ? [header, `${header} low`, `${header} high`] : [header],
  );
  const lines = rows.map((row) =>
    columns.flatMap((_, c) => {
      const cell = row[c] ?? '';
      const fields = typeof cell === 'string' ? [textField(cell)] : [numberField(cell, cell.value)];
      if (hasBounds[c] !== true) return fields;
      if (typeof cell === 'string') return [...fields, '', ''];
      return [...fields, numberField(cell, cell.low ?? null), numberField(cell, cell.high ?? null)];
    }),
  );
  return [head.map(textField), ...lines].map((fields) => `${fields.join(',')}\r\n`).join('');
}

function numberField({ unit }: NumberCell, value: number | null): string {
  if (value === null || !Number.isFinite(value)) return '';
  return String(Number((unit === 'percent' || unit === 'points' ? 100 * value : value).toPrecision(12)));
}

function textField(text: string): string {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
