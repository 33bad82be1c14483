import { type BenchEnvironment, BUSY_LOAD_PER_CORE } from './environment.ts';
import type { Ceilings } from './roofline.ts';
import type { Row } from './row.ts';
import { type Column, formatTable } from './text-table.ts';

const COLUMNS: readonly Column[] = [
  { title: 'case', isNumber: false },
  { title: 'library', isNumber: false },
  { title: 'median ms', isNumber: true },
  { title: 'min', isNumber: true },
  { title: 'p95', isNumber: true },
  { title: 'times ours', isNumber: true },
  { title: 'over static', isNumber: true },
  { title: 'over all passes', isNumber: true },
  { title: 'choice', isNumber: false },
  { title: 'GFLOP/s', isNumber: true },
  { title: 'GB/s', isNumber: true },
  { title: 'ceiling', isNumber: true },
  { title: 'tok/s', isNumber: true },
  { title: 'of step', isNumber: true },
  { title: 'over engine', isNumber: true },
  { title: 'us/launch', isNumber: true },
  { title: 'peak MB', isNumber: true },
  { title: 'launches', isNumber: true },
  { title: 'submits', isNumber: true },
  { title: 'new buffers', isNumber: true },
  { title: 'first ms', isNumber: true },
];

/** The rows of each suite as a table. Rows of one case stand together, ours first. */
export function rowTable(rows: readonly Row[]): string {
  const suites = [...new Set(rows.map(({ suite }) => suite))];
  return suites
    .map((suite) => {
      const ofSuite = rows.filter((row) => row.suite === suite);
      const cells = ofSuite.map((row) => rowCells(row, ofSuite));
      // A column that says nothing in a whole suite is left out.
      const shown = COLUMNS.map((_, i) => cells.some((row) => row[i] !== ''));
      return `${suite}\n${formatTable(
        COLUMNS.filter((_, i) => shown[i]),
        cells.map((row) => row.filter((_, i) => shown[i])),
      )}`;
    })
    .join('\n');
}

function rowCells(row: Row, rows: readonly Row[]): string[] {
  const ours = rows.find(({ name, library }) => name === row.name && library === 'dawngrad');
  const isPeer = ours !== undefined && row.library !== 'dawngrad';
  const { first_ms, tokens_per_second, us_per_dispatch, times_static_choice, times_all_passes, share, over_engine } =
    row.details;
  return [
    isPeer ? '' : row.name,
    row.library,
    optional(row.median_ms),
    optional(row.min_ms),
    optional(row.p95_ms),
    isPeer && row.median_ms !== null && ours.median_ms !== null
      ? `${(row.median_ms / ours.median_ms).toFixed(2)}x`
      : '',
    multiple(times_static_choice),
    multiple(times_all_passes),
    describeChoice(row),
    optional(row.gflops),
    optional(row.gbps),
    row.ceiling_share === null ? '' : `${(100 * row.ceiling_share).toFixed(0)}%`,
    typeof tokens_per_second === 'number' ? tokens_per_second.toFixed(0) : '',
    typeof share === 'number' ? `${(100 * share).toFixed(0)}%` : '',
    multiple(over_engine),
    typeof us_per_dispatch === 'number' ? figure(us_per_dispatch) : '',
    row.peak_bytes === null ? '' : figure(row.peak_bytes / 1e6),
    row.dispatches === null ? '' : String(row.dispatches),
    row.submits === null ? '' : String(row.submits),
    row.new_buffers === null ? '' : String(row.new_buffers),
    typeof first_ms === 'number' ? figure(first_ms) : '',
  ];
}

function multiple(value: number | string | boolean | undefined): string {
  return typeof value === 'number' ? `${value.toFixed(2)}x` : '';
}

/** What the static choice took and what was the fastest, among the candidates of one kernel. */
export function describeChoice({ details }: Row): string {
  const found = [details.is_static_choice ? 'static choice' : '', details.is_pick ? 'pick' : ''];
  return found.filter(Boolean).join(', ');
}

function optional(value: number | null): string {
  return value === null ? '' : figure(value);
}

/** Three significant digits, without an exponent. */
export function figure(value: number): string {
  if (value === 0) return '0';
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
  return value.toFixed(Math.min(4, digits));
}

/** The lines above a table: what the figures were measured on, and whether they may be compared. */
export function describeRun(environment: BenchEnvironment): string {
  const { adapter, isSoftwareAdapter, driver, commit, node, cpu, cores, loadPerCore } = environment;
  const busy =
    loadPerCore > BUSY_LOAD_PER_CORE
      ? `  BUSY (above ${BUSY_LOAD_PER_CORE}): the times below are not for comparing with other runs`
      : '';
  return [
    `adapter  ${adapter}${isSoftwareAdapter ? ' (software)' : ''}`,
    `driver   ${driver}`,
    `commit   ${commit}   node ${node}   ${cores} x ${cpu}`,
    `load     ${loadPerCore.toFixed(2)} per core${busy}`,
    '',
  ].join('\n');
}

export function describeCeilings(ceilings: Ceilings): string {
  return `ceilings ${figure(ceilings.gflops)} GFLOP/s f32 multiply-add, ${figure(ceilings.gbytes)} GB/s copy (measured)\n`;
}
