import type { Estimate } from '../stats/estimate.ts';
import type { NumberCell, PaperCell } from './paper-table.ts';

/** A share with its interval; n/a without one. */
export function shareCell(estimate: Bounded | null | undefined): NumberCell {
  return estimateCell(estimate, 'percent');
}

/** A difference of shares with its interval; n/a without one. */
export function pointsCell(estimate: Bounded | null | undefined): NumberCell {
  return estimateCell(estimate, 'points');
}

export function countCell(value: number): NumberCell {
  return { value, unit: 'count' };
}

type Bounded = Pick<Estimate, 'value' | 'low' | 'high'>;

function estimateCell(estimate: Bounded | null | undefined, unit: NumberCell['unit']): NumberCell {
  return estimate ? { value: estimate.value, low: estimate.low, high: estimate.high, unit } : { value: null, unit };
}

/** Rows in which the largest number of each of the columns is marked as best, the next one as second; ties share. */
export function emphasised(rows: readonly (readonly PaperCell[])[], columns: readonly number[]): PaperCell[][] {
  const marked = rows.map((row) => [...row]);
  for (const c of columns) {
    const values = new Set<number>();
    for (const row of rows) {
      const cell = row[c];
      if (typeof cell === 'object' && cell.value !== null) values.add(cell.value);
    }
    const [best, second] = [...values].sort((a, b) => b - a);
    // A lone number is not the best of anything.
    if (second === undefined) continue;
    for (const row of marked) {
      const cell = row[c];
      if (typeof cell !== 'object') continue;
      if (cell.value === best) row[c] = { ...cell, emphasis: 'best' };
      else if (cell.value === second) row[c] = { ...cell, emphasis: 'second' };
    }
  }
  return marked;
}
