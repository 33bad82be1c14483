import type { Device } from '../gpu/device.ts';
import type { KernelTiming } from '../gpu/timestamp-set.ts';
import { scope } from '../scope.ts';

/** All launches of one kernel. */
export interface ProfileRow {
  readonly label: string;
  readonly calls: number;
  /** Time on the device. */
  readonly microseconds: number;
  /** Of the time of all rows. */
  readonly share: number;
  /** 10^9 floating-point operations a second; undefined where the op does not state its count. */
  readonly gflops: number | undefined;
  /** 10^9 bytes a second, by the least that has to be moved. */
  readonly gbps: number;
}

/** Times of launches on the device. */
export interface Profile {
  /** One entry a launch, in order. */
  readonly timings: readonly KernelTiming[];
  /** One row a kernel, the dearest first. */
  readonly rows: readonly ProfileRow[];
}

/**
 * Runs `body` with a timestamp around each launch that it records. What it computes is freed. The launches run
 * in a pass each, so their sum is a little more than the same work takes in one pass.
 *
 * @throws ToolError 'device' where the adapter has no timestamps; 'limit' for more than 2,048 launches.
 */
export async function profile(device: Device, body: () => void): Promise<Profile> {
  const timings = await device.profile(() => {
    scope(() => {
      body();
    });
  });
  return { timings, rows: profileRows(timings) };
}

/** Sums launches by kernel, the dearest first. */
export function profileRows(timings: readonly KernelTiming[]): ProfileRow[] {
  const groups = new Map<string, KernelTiming[]>();
  for (const timing of timings) groups.set(timing.label, [...(groups.get(timing.label) ?? []), timing]);
  const sum = (list: readonly KernelTiming[], of: (timing: KernelTiming) => number): number =>
    list.reduce((total, timing) => total + of(timing), 0);
  const all = sum(timings, ({ microseconds }) => microseconds);
  const rows = [...groups].map(([label, list]): ProfileRow => {
    const microseconds = sum(list, (timing) => timing.microseconds);
    const isCounted = list.every(({ flops }) => flops !== undefined);
    return {
      label,
      calls: list.length,
      microseconds,
      share: all === 0 ? 0 : microseconds / all,
      gflops: isCounted && microseconds > 0 ? sum(list, ({ flops }) => flops!) / microseconds / 1e3 : undefined,
      gbps: microseconds > 0 ? sum(list, ({ bytes }) => bytes) / microseconds / 1e3 : 0,
    };
  });
  return rows.sort((a, b) => b.microseconds - a.microseconds);
}

/** The rows as a table of plain text. */
export function formatProfile({ rows }: Profile): string {
  const cells = rows.map(({ label, calls, microseconds, share, gflops, gbps }) => [
    label,
    String(calls),
    (microseconds / 1000).toFixed(3),
    (microseconds / calls).toFixed(1),
    `${(100 * share).toFixed(1)} %`,
    gflops === undefined ? '' : gflops.toFixed(1),
    gbps.toFixed(2),
  ]);
  const table = [['kernel', 'calls', 'ms', 'us/call', 'share', 'GFLOP/s', 'GB/s'], ...cells];
  const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return `${table
    .map((row) =>
      row
        .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')}\n`;
}
