import { emphasised, shareCell } from './cells.ts';
import { numberNotes } from './number-notes.ts';
import type { PaperCell, PaperTable } from './paper-table.ts';
import { groupPassAt1, labelColumns, type SeedGroup } from './plot-run.ts';
import { left, right, type TableInput, titleOf } from './table-input.ts';

/** Below this pass@1 a policy is called collapsed, as in the published table. */
const COLLAPSE = 0.2;

/** pass@1 of every method and variant (rows) in every domain and model (columns), seeds together. */
export function mainTable(input: TableInput): PaperTable {
  const { notes, ...table } = matrix(input, ['domain', 'model'], 1, COLLAPSE);
  const isMarked = table.rows.some((row) => row.some((cell) => typeof cell === 'object' && cell.isMarked));
  return {
    ...table,
    name: 'main',
    title: titleOf('pass@1 %', table.title),
    notes: isMarked ? [...notes, `*: below ${100 * COLLAPSE} %, a collapsed policy.`] : notes,
  };
}

/** pass@1 on AIME: a column a year, two decimals since the numbers are small. */
export function aimeTable(input: TableInput): PaperTable {
  const { title, ...table } = matrix(input, ['domain'], 2, 0);
  return { ...table, name: 'aime', title: titleOf('pass@1 %', title) };
}

function matrix(
  { runs, groups }: TableInput,
  across: readonly string[],
  decimals: number,
  collapse: number,
): Omit<PaperTable, 'name'> {
  const columnOf = ({ labels }: SeedGroup): string =>
    across.flatMap((name) => labels[name] ?? []).join(' ') || 'pass@1 %';
  const rowKey = ({ labels }: SeedGroup): string =>
    JSON.stringify(Object.entries(labels).filter(([name]) => !across.includes(name)));
  const columns = [...new Set(groups.map(columnOf))];
  const rowKeys = [...new Set(groups.map(rowKey))];
  const heads = labelColumns(
    groups.map(({ labels }) => labels),
    [...across],
  );
  const names = heads.names.length === 0 ? ['run'] : heads.names;
  const rows = rowKeys.map((key): PaperCell[] => {
    const own = groups.filter((group) => rowKey(group) === key);
    return [
      ...(heads.names.length === 0 ? [''] : heads.cellsOf(own[0]!.labels)),
      ...columns.map((column): PaperCell => {
        const group = own.find((one) => columnOf(one) === column);
        if (group === undefined) return '–';
        const cell = shareCell(groupPassAt1(group));
        return cell.value !== null && cell.value < collapse ? { ...cell, isMarked: true } : cell;
      }),
    ];
  });
  return {
    title: heads.common,
    columns: [...names.map(left), ...columns.map(right)],
    rows: emphasised(
      rows,
      columns.map((_, i) => names.length + i),
    ),
    intervals: 'half-width',
    decimals,
    notes: [
      ...numberNotes(runs, groups),
      'After ±: half the width of the interval. Bold: best of a column; underlined: second; –: no run.',
    ],
  };
}
