import { formatPercent, NOT_AVAILABLE } from '../report/format.ts';
import type { Table } from '../report/table.ts';
import type { ControlledSummary } from './controlled-summary.ts';

/** Whether the clean trace is preferred, by how many edits the other has. */
export function severityTable(summary: Pick<ControlledSummary, 'by_severity'>): Table {
  const percent = (share: number | null): string => (share === null ? NOT_AVAILABLE : formatPercent(share));
  const decimal = (value: number | null): string => (value === null ? NOT_AVAILABLE : value.toFixed(3));
  return {
    columns: ['severity', 'pairs', 'win rate %', 'tie rate %', 'mean margin', 'median margin'].map((header) => ({
      header,
      align: 'right',
    })),
    rows: Object.entries(summary.by_severity).map(([severity, one]) => [
      severity,
      String(one.n_pairs),
      percent(one.win_rate),
      percent(one.tie_rate),
      decimal(one.mean_margin),
      decimal(one.median_margin),
    ]),
  };
}
