import { renderTextTable, type Table } from '@dawngrad/eval';
import { byteCount } from '../ui/progress-bytes.ts';
import { duration } from '../ui/progress-line.ts';
import type { StudyPart } from './part.ts';
import type { PartStore } from './part-store.ts';
import { StudyEta } from './study-eta.ts';

/** Every part with what it is expected to take and whether it is done, and the sums. */
export function dryRunText(dir: string, parts: readonly StudyPart[], store: PartStore): string {
  const records = parts.flatMap((part) => store.recordOf(part) ?? []);
  // Without a device nobody knows what it would run on: two CPU cores, until parts were timed.
  const eta = new StudyEta('cpu', records);
  const row = (name: readonly [string, string, string], of: readonly StudyPart[], state: string): string[] => {
    const sum = (what: (part: StudyPart) => number): number => of.reduce((total, part) => total + what(part), 0);
    const seconds = (part: StudyPart): number => store.recordOf(part)?.wallSeconds ?? eta.secondsOf(part);
    return [
      ...name,
      sum(({ cost }) => cost.flops).toExponential(2),
      `${(sum(({ cost }) => cost.tokens) / 1e6).toFixed(1)} M`,
      duration(sum(seconds)),
      byteCount(sum(({ cost }) => cost.bytes)),
      state,
    ];
  };
  const stateOf = (part: StudyPart): string => {
    if (store.recordOf(part) !== undefined) return 'done';
    return store.isBegun(part) ? 'begun' : '';
  };
  const left = parts.filter((part) => store.recordOf(part) === undefined);
  const table: Table = {
    columns: [
      { header: 'seed', align: 'right' },
      { header: 'setting', align: 'left' },
      { header: 'part', align: 'left' },
      ...['FLOPs', 'tokens', 'time', 'disk'].map((header) => ({ header, align: 'right' as const })),
      { header: '', align: 'left' },
    ],
    rows: [
      ...parts.map((part) => row([String(part.seed), part.setting ?? 'both', part.label], [part], stateOf(part))),
      row(['', '', 'all'], parts, ''),
      row(['', '', 'not done'], left, ''),
    ],
  };
  const basis = eta.isMeasured
    ? `times: those of parts that are done in ${dir}, the others by them`
    : 'times: for two CPU cores, a guess until the first part is done';
  return `${renderTextTable(table)}\n\n${parts.length} parts, ${records.length} done; ${basis}\n`;
}
