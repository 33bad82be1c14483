import { renderTextTable, type Table } from '@dawngrad/eval';
import { byteCount } from '../ui/progress-bytes.ts';
import { duration } from '../ui/progress-line.ts';
import type { StudyPart } from './part.ts';
import { partKey } from './part-key.ts';
import type { PartStore } from './part-store.ts';
import { StudyEta } from './study-eta.ts';

/**
 * Every part with what it is expected to take and whether it is done, and the sums; of several seeds, the parts of a
 * kind together.
 */
export function dryRunText(dir: string, parts: readonly StudyPart[], store: PartStore): string {
  const records = parts.flatMap((part) => store.recordOf(part) ?? []);
  // Without a device nobody knows what it would run on: two CPU cores, until parts were timed.
  const eta = new StudyEta('cpu', records);
  const row = (name: readonly [string, string, string], of: readonly StudyPart[]): string[] => {
    const sum = (what: (part: StudyPart) => number): number => of.reduce((total, part) => total + what(part), 0);
    const seconds = (part: StudyPart): number => store.recordOf(part)?.wallSeconds ?? eta.secondsOf(part);
    return [
      ...name,
      sum(({ cost }) => cost.flops).toExponential(2),
      `${(sum(({ cost }) => cost.tokens) / 1e6).toFixed(2)} M`,
      duration(sum(seconds)),
      byteCount(sum(({ cost }) => cost.bytes)),
      stateText(of, store),
    ];
  };
  const groups = new Map<string, StudyPart[]>();
  const isLong = new Set(parts.map(({ seed }) => seed)).size > 1;
  for (const part of parts) {
    const group = `${part.seed} ${part.setting} ${isLong ? part.kind : partKey(part)}`;
    groups.set(group, [...(groups.get(group) ?? []), part]);
  }
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
      ...[...groups.values()].map((of) => {
        const [{ seed, setting, kind, label }] = of as [StudyPart];
        return row([String(seed), setting ?? 'both', of.length === 1 ? label : `${kind}, ${of.length} parts`], of);
      }),
      row(['', '', 'all'], parts),
      ...(left.length < parts.length ? [row(['', '', 'not done'], left)] : []),
    ],
  };
  const basis = eta.isMeasured
    ? `times: those of parts that are done in ${dir}, the others by them`
    : 'times: for two CPU cores, a guess until the first part is done';
  return `${renderTextTable(table)}\n\n${parts.length} parts, ${records.length} done; ${basis}\n`;
}

/** `done`, `3 done`, `failed`, `begun`, or nothing. */
function stateText(parts: readonly StudyPart[], store: PartStore): string {
  const done = parts.filter((part) => store.recordOf(part) !== undefined).length;
  if (done > 0) return done === parts.length ? 'done' : `${done} done`;
  if (parts.some((part) => store.failureOf(part) !== undefined)) return 'failed';
  return parts.some((part) => store.isBegun(part)) ? 'begun' : '';
}
