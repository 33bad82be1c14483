/** A number of a table, in its own unit: shares are 0 to 1 and become per cent only where they are written. */
export interface NumberCell {
  /** Null is "n/a": it is never replaced by another number. */
  readonly value: number | null;
  /** Bounds of the 95 % interval, both or neither. */
  readonly low?: number;
  readonly high?: number;
  /** `points` is a difference of shares, written with its sign. */
  readonly unit: 'percent' | 'points' | 'number' | 'count';
  /** Of the best and second best number of a column. */
  readonly emphasis?: 'best' | 'second';
  /** Marked with an asterisk that the notes explain. */
  readonly isMarked?: boolean;
}

export type PaperCell = string | NumberCell;

export interface PaperColumn {
  readonly header: string;
  readonly align: 'left' | 'right';
}

/** A table as numbers: LaTeX, Markdown, CSV, JSON and the terminal are ways to write it. */
export interface PaperTable {
  /** For file names and labels: letters, digits and hyphens. */
  readonly name: string;
  readonly title: string;
  readonly columns: readonly PaperColumn[];
  readonly rows: readonly (readonly PaperCell[])[];
  /** How intervals are written. */
  readonly intervals: 'bounds' | 'half-width' | 'none';
  /** Decimals of shares in per cent. */
  readonly decimals: number;
  /** What a reader must know of the numbers: n, seeds, method of the intervals. */
  readonly notes: readonly string[];
}

/** The number alone as text. */
export function numberText({ value, unit }: NumberCell, decimals: number): string {
  if (value === null || !Number.isFinite(value)) return 'n/a';
  if (unit === 'count') return String(value);
  if (unit === 'number') return value.toFixed(decimals + 1);
  const text = (100 * value).toFixed(decimals);
  if (Number(text) === 0) return (0).toFixed(decimals);
  return unit === 'points' && value > 0 ? `+${text}` : text;
}

/** The interval as text, with its leading space; empty where the cell or the table has none. */
export function intervalText(cell: NumberCell, { intervals, decimals }: PaperTable, plusMinus = '±'): string {
  const { value, low, high } = cell;
  if (value === null || low === undefined || high === undefined || intervals === 'none') return '';
  const bound = (at: number): string => numberText({ value: at, unit: cell.unit }, decimals);
  if (intervals === 'bounds') return ` [${bound(low)}, ${bound(high)}]`;
  const half = numberText({ value: (high - low) / 2, unit: cell.unit === 'points' ? 'percent' : cell.unit }, decimals);
  return ` ${plusMinus} ${half}`;
}
