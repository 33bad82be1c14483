/** Live buffers under one label. */
export interface MemoryOwner {
  readonly label: string;
  readonly bytes: number;
  readonly count: number;
}

/** What the pool of a device holds, in bytes and counts. */
export interface MemoryReport {
  /** Bytes of buffers that a tensor owns now. */
  readonly liveBytes: number;
  readonly liveBuffers: number;
  /** Largest `liveBytes` since `resetPeak`. */
  readonly peakLiveBytes: number;
  /** Bytes of all buffers, free ones included: what the device has handed out. */
  readonly reservedBytes: number;
  readonly peakReservedBytes: number;
  /** Largest single allocation since `resetPeak`, in bytes, and its label. */
  readonly largestBytes: number;
  readonly largestLabel: string;
  readonly budgetBytes: number;
  /** Who owns the live bytes, largest first. */
  readonly owners: readonly MemoryOwner[];
  /** Who owned them at the peak; undefined unless the pool keeps track of it (`tracksPeak`). */
  readonly peakOwners: readonly MemoryOwner[] | undefined;
}

/** Bytes as MiB with one digit. */
export function formatMib(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

/** A memory report as a table for a terminal: live, peak, reserved, budget, and the `most` largest owners. */
export function formatMemory(report: MemoryReport, most = 10): string {
  const { owners } = report;
  const others = owners.slice(most);
  const sum = (rows: readonly MemoryOwner[], key: 'bytes' | 'count'): number =>
    rows.reduce((total, row) => total + row[key], 0);
  const share = `${((100 * report.reservedBytes) / report.budgetBytes).toFixed(1)} %`;
  const rows: readonly (readonly [string, string, string])[] = [
    ['live', formatMib(report.liveBytes), buffers(report.liveBuffers)],
    [
      'peak',
      formatMib(report.peakLiveBytes),
      report.largestLabel && `largest: ${formatMib(report.largestBytes)} ${report.largestLabel}`,
    ],
    ['reserved', formatMib(report.reservedBytes), `peak ${formatMib(report.peakReservedBytes)}`],
    ['budget', formatMib(report.budgetBytes), `${share} reserved`],
    ...owners
      .slice(0, most)
      .map(({ label, bytes, count }) => [`  ${label}`, formatMib(bytes), buffers(count)] as const),
    ...(others.length > 0
      ? [[`  ${others.length} more`, formatMib(sum(others, 'bytes')), buffers(sum(others, 'count'))] as const]
      : []),
  ];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map(([name, size, note]) => `${name.padEnd(widths[0]!)}  ${size.padStart(widths[1]!)}  ${note}`.trimEnd())
    .join('\n');
}

function buffers(count: number): string {
  return `${count} ${count === 1 ? 'buffer' : 'buffers'}`;
}
