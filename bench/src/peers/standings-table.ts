import { figure } from '../report.ts';
import { type Column, formatTable } from '../text-table.ts';
import type { Standing } from './compare.ts';

const COLUMNS: readonly Column[] = [
  { title: 'workload', isNumber: false },
  { title: 'library', isNumber: false },
  { title: 'min ms', isNumber: true },
  { title: 'median', isNumber: true },
  { title: 'GFLOP/s', isNumber: true },
  { title: 'times ours', isNumber: true },
  { title: 'first ms', isNumber: true },
  { title: 'dispatches', isNumber: true },
  { title: 'submits', isNumber: true },
  { title: 'passes', isNumber: true },
  { title: 'new buffers', isNumber: true },
  { title: 'peak MB', isNumber: true },
  { title: 'difference', isNumber: true },
];

/** The libraries of a workload stand together, the first of them is what the others are compared with. */
export function standingsTable(standings: readonly Standing[]): string {
  return formatTable(
    COLUMNS,
    standings.map((standing) => {
      const { wall, counts } = standing;
      const first = standings.find(({ workload }) => workload === standing.workload)!;
      return [
        first === standing ? standing.workload : '',
        standing.library,
        figure(wall.min),
        figure(wall.median),
        figure(standing.flops / (wall.min * 1e6)),
        first === standing ? '' : `${(wall.min / first.wall.min).toFixed(2)}x`,
        figure(standing.firstRun),
        String(counts.dispatches),
        String(counts.submits),
        String(counts.passes),
        String(counts.buffers),
        figure(standing.peakBytes / 1e6),
        standing.difference.toExponential(0),
      ];
    }),
  );
}
