import { type BenchEnvironment, BUSY_LOAD_PER_CORE } from './environment.ts';
import type { Measurement } from './measure.ts';
import { type Ceilings, rooflineShare } from './roofline.ts';
import { type Column, formatTable } from './text-table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'case', isNumber: false },
  { title: 'device ms', isNumber: true },
  { title: 'min', isNumber: true },
  { title: 'p10-p90', isNumber: true },
  { title: 'wall ms', isNumber: true },
  { title: 'p10-p90', isNumber: true },
  { title: 'n', isNumber: true },
  { title: 'GFLOP/s', isNumber: true },
  { title: 'GB/s', isNumber: true },
  { title: 'roofline', isNumber: true },
  { title: 'tok/s', isNumber: true },
  { title: 'peak MB', isNumber: true },
  { title: 'dispatches', isNumber: true },
  { title: 'submits', isNumber: true },
];

/**
 * The median that rates are taken from: on the device's clock, but not more than wall time. With
 * timestamps every launch is a pass of its own, which can cost more than the whole of a normal run.
 */
function rateTime({ device, wall }: Measurement): number {
  return Math.min(device?.median ?? Number.POSITIVE_INFINITY, wall.median);
}

function cells(row: Measurement, ceilings: Ceilings): string[] {
  const { work, device, wall } = row;
  const milliseconds = rateTime(row);
  const spread = (low: number, high: number): string => `${figure(low)}-${figure(high)}`;
  return [
    row.name,
    device ? figure(device.median) : '',
    device ? figure(device.min) : '',
    device ? spread(device.p10, device.p90) : '',
    figure(wall.median),
    spread(wall.p10, wall.p90),
    String(wall.n),
    work.flops > 0 ? figure(work.flops / (milliseconds * 1e6)) : '',
    work.bytes > 0 ? figure(work.bytes / (milliseconds * 1e6)) : '',
    work.flops > 0 || work.bytes > 0 ? `${(100 * rooflineShare(work, milliseconds, ceilings)).toFixed(0)}%` : '',
    work.tokens ? (work.tokens / (wall.median / 1000)).toFixed(0) : '',
    figure(row.peakBytes / 1e6),
    String(row.dispatches),
    String(row.submits),
  ];
}

/** Three significant digits, without an exponent. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(4, digits));
}

/** The lines above a table: what the figures were measured on, and whether they may be compared. */
export function describeRun(environment: BenchEnvironment): string {
  const { adapter, isSoftwareAdapter, commit, node, cpu, cores, loadPerCore } = environment;
  const busy =
    loadPerCore > BUSY_LOAD_PER_CORE
      ? `  BUSY (above ${BUSY_LOAD_PER_CORE}): the times below are not for comparing with other runs`
      : '';
  return [
    `adapter  ${adapter}${isSoftwareAdapter ? ' (software)' : ''}`,
    `commit   ${commit}   node ${node}   ${cores} x ${cpu}`,
    `load     ${loadPerCore.toFixed(2)} per core${busy}`,
    '',
  ].join('\n');
}

export function describeCeilings(ceilings: Ceilings): string {
  return `ceilings ${figure(ceilings.gflops)} GFLOP/s f32 multiply-add, ${figure(ceilings.gbytes)} GB/s copy (measured)\n`;
}

export function reportTable(rows: readonly Measurement[], ceilings: Ceilings): string {
  return formatTable(
    COLUMNS,
    rows.map((row) => cells(row, ceilings)),
  );
}

/** Everything that was measured, for comparing runs by program. */
export function reportJson(
  environment: BenchEnvironment,
  ceilings: Ceilings,
  rows: readonly Measurement[],
): Record<string, unknown> {
  return {
    schema: 1,
    environment,
    isBusy: environment.loadPerCore > BUSY_LOAD_PER_CORE,
    ceilings,
    rows: rows.map((row) => ({ ...row, rooflineShare: rooflineShare(row.work, rateTime(row), ceilings) })),
  };
}
