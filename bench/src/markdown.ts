import { describeChoice, figure } from './report.ts';
import type { Row, SuiteName } from './row.ts';

interface MarkdownColumn {
  readonly title: string;
  readonly cell: (row: Row) => string;
}

/** What is said of the rows of a suite that has dawngrad alone, besides the case and its median. */
const COLUMNS: Readonly<Record<Exclude<SuiteName, 'peers'>, readonly MarkdownColumn[]>> = {
  kernels: [
    { title: 'GFLOP/s', cell: (row) => optional(row.gflops) },
    { title: 'GB/s', cell: (row) => optional(row.gbps) },
    { title: 'of the ceiling', cell: share },
  ],
  train: [
    { title: 'tokens/s', cell: (row) => whole(row.details.tokens_per_second) },
    { title: 'launches / submits / new buffers', cell: counts },
    { title: 'peak MB', cell: megabytes },
    { title: 'of the ceiling', cell: share },
  ],
  decode: [
    { title: 'tokens/s', cell: (row) => whole(row.details.tokens_per_second) },
    { title: 'launches a token', cell: (row) => optional(row.details.launches_per_token) },
    { title: 'kB a token', cell: (row) => kilobytes(row.details.bytes_per_token) },
    { title: 'kB of weights', cell: (row) => kilobytes(row.params.weight_bytes) },
    { title: 'launches / submits / new buffers', cell: counts },
    { title: 'peak MB', cell: megabytes },
    { title: 'of the ceiling', cell: share },
  ],
  load: [
    { title: 'GB/s', cell: (row) => optional(row.gbps) },
    { title: 'peak MB', cell: megabytes },
  ],
  memory: [
    { title: 'peak MB', cell: megabytes },
    { title: 'largest', cell: (row) => text(row.details.largest) },
  ],
  rl: [
    { title: 'share of the step', cell: (row) => percent(row.details.share) },
    { title: 'tokens/s', cell: (row) => whole(row.details.tokens_per_second) },
    { title: "the engine's tokens/s", cell: (row) => whole(row.details.engine_tokens_per_second) },
    { title: 'time over the engine alone', cell: (row) => times(row.details.over_engine) },
    { title: 'launches / submits / new buffers', cell: counts },
    { title: 'peak MB', cell: megabytes },
  ],
  eval: [
    { title: 'MB/s', cell: (row) => (row.gbps === null ? '' : (1000 * row.gbps).toFixed(0)) },
    { title: 'tokens/s', cell: (row) => whole(row.details.tokens_per_second) },
    { title: "the engine's tokens/s", cell: (row) => whole(row.details.engine_tokens_per_second) },
    { title: 'time over the engine alone', cell: (row) => times(row.details.over_engine) },
  ],
  tune: [
    { title: 'launches', cell: (row) => text(row.dispatches) },
    { title: 'chosen', cell: describeChoice },
    { title: 'speed over the static choice', cell: (row) => times(row.details.times_static_choice) },
    { title: 'time over all passes', cell: (row) => times(row.details.times_all_passes) },
  ],
  dispatch: [
    { title: 'by', cell: (row) => row.library },
    { title: 'µs a launch', cell: (row) => optional(row.details.us_per_dispatch) },
    { title: 'launches / submits / new buffers', cell: counts },
    { title: 'new bind groups', cell: (row) => text(row.details.new_bind_groups) },
  ],
};

/** The rows of a run as Markdown: where they were measured, then a table a suite. */
export function markdownReport(rows: readonly Row[]): string {
  const [first] = rows;
  if (first === undefined) return '';
  const suites = [...new Set(rows.map(({ suite }) => suite))];
  const tables = suites.map((suite) => {
    const ofSuite = rows.filter((row) => row.suite === suite);
    return `### ${suite}\n\n${suite === 'peers' ? peersTable(ofSuite) : suiteTable(suite, ofSuite)}`;
  });
  return [`Measured on \`${first.driver}\` (${first.adapter}), commit ${first.commit}.\n`, ...tables].join('\n');
}

function suiteTable(suite: Exclude<SuiteName, 'peers'>, rows: readonly Row[]): string {
  const columns: readonly MarkdownColumn[] = [
    { title: 'case', cell: (row) => row.name },
    { title: 'median ms', cell: (row) => optional(row.median_ms) },
    ...COLUMNS[suite],
  ];
  return table(
    columns.map(({ title }) => title),
    rows.map((row) => columns.map(({ cell }) => cell(row))),
  );
}

/** Ours in milliseconds, the peers as multiples of that; then what a run asks of the device. */
function peersTable(rows: readonly Row[]): string {
  const peers = [...new Set(rows.map(({ library }) => library))].filter((library) => library !== 'dawngrad');
  const [closest] = peers;
  const cases = [...new Set(rows.map(({ name }) => name))];
  return table(
    [
      'work',
      'dawngrad',
      ...peers,
      'launches / submits / new buffers, peak MB: dawngrad',
      ...(closest ? [closest] : []),
    ],
    cases.map((name) => {
      const of = (library: string): Row | undefined => rows.find((row) => row.name === name && row.library === library);
      const ours = of('dawngrad');
      const asks = (row: Row | undefined): string => (row ? `${counts(row)}, ${megabytes(row)}` : '');
      return [
        name,
        ours?.median_ms ? `${figure(ours.median_ms)} ms` : '',
        ...peers.map((library) => ratio(of(library), ours)),
        asks(ours),
        ...(closest ? [asks(of(closest))] : []),
      ];
    }),
  );
}

function ratio(peer: Row | undefined, ours: Row | undefined): string {
  return peer?.median_ms && ours?.median_ms ? `${(peer.median_ms / ours.median_ms).toFixed(1)}x` : '';
}

function table(titles: readonly string[], cells: readonly (readonly string[])[]): string {
  const line = (texts: readonly string[]): string => `| ${texts.join(' | ')} |\n`;
  return [line(titles), line(titles.map(() => '---')), ...cells.map(line)].join('');
}

function optional(value: number | string | boolean | null | undefined): string {
  return typeof value === 'number' ? figure(value) : '';
}

function whole(value: number | string | boolean | undefined): string {
  return typeof value === 'number' ? value.toFixed(0) : '';
}

function text(value: number | string | boolean | null | undefined): string {
  return value === undefined || value === null ? '' : String(value);
}

function times(value: number | string | boolean | undefined): string {
  return typeof value === 'number' ? `${value.toFixed(2)}x` : '';
}

function share(row: Row): string {
  return percent(row.ceiling_share);
}

function percent(value: number | string | boolean | null | undefined): string {
  return typeof value === 'number' ? `${(100 * value).toFixed(0)} %` : '';
}

function megabytes(row: Row): string {
  return row.peak_bytes === null ? '' : figure(row.peak_bytes / 1e6);
}

function kilobytes(bytes: number | string | boolean | undefined): string {
  return typeof bytes === 'number' ? figure(bytes / 1e3) : '';
}

function counts(row: Row): string {
  return [row.dispatches, row.submits, row.new_buffers].map((count) => count ?? '–').join(' / ');
}
