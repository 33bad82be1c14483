import { type Device, ToolError } from '@dawngrad/tensor';
import { measureCeilings } from './ceilings.ts';
import type { Job, JobContext } from './job.ts';
import type { Ceilings } from './roofline.ts';
import { type Finding, type Row, type RowOrigin, type SuiteName, toRow } from './row.ts';

export interface RunJobs {
  readonly isQuick: boolean;
  /** Whether cases that only a hardware adapter runs in reasonable time are wanted. */
  readonly isAll: boolean;
  readonly origin: RowOrigin;
  readonly note: (text: string) => void;
  /** Called with all rows so far after each job: a run that is cut short leaves what it had. */
  readonly onRows: (rows: readonly Row[]) => Promise<void>;
}

/** Few runs of slow cases, enough of quick ones for the spread to mean something. */
const EFFORT = {
  quick: { seconds: 0.1, minRuns: 3, maxRuns: 10 },
  full: { seconds: 0.5, minRuns: 5, maxRuns: 50 },
} as const;

/**
 * Runs jobs one after the other, with the ceilings measured before and after them. A job that fails is noted
 * and counted, and the others go on.
 */
export async function runJobs(
  device: Device,
  jobs: readonly Job[],
  { isQuick, isAll, origin, note, onRows }: RunJobs,
): Promise<{ rows: Row[]; ceilings: Ceilings; failures: number }> {
  const context: JobContext = { device, isQuick, effort: isQuick ? EFFORT.quick : EFFORT.full, note };
  const first = await measureCeilings(device);
  const found: { suite: SuiteName; finding: Finding }[] = [];
  const rowsUnder = (ceilings: Ceilings): Row[] =>
    found.map(({ suite, finding }) => toRow(suite, finding, ceilings, origin));
  let failures = 0;
  for (const [i, job] of jobs.entries()) {
    const reason = reasonToSkip(job, device, isAll);
    note(`${i + 1}/${jobs.length} ${job.suite}: ${job.name}${reason === undefined ? '' : `: skipped, ${reason}`}`);
    if (reason !== undefined) continue;
    try {
      for (const finding of await job.run(context)) found.push({ suite: job.suite, finding });
    } catch (error) {
      failures++;
      note(
        `${job.name} failed: ${error instanceof ToolError ? error.message : String((error as Error)?.stack ?? error)}`,
      );
      // Nothing that follows could be measured.
      if (device.state !== 'ready') throw error;
    }
    await onRows(rowsUnder(first));
  }
  const ceilings = await measureCeilings(device, first);
  const rows = rowsUnder(ceilings);
  await onRows(rows);
  return { rows, ceilings, failures };
}

function reasonToSkip(job: Job, device: Device, isAll: boolean): string | undefined {
  if (!job.isLarge) return undefined;
  if (!isAll) return 'large: runs with --all';
  return device.adapterClass === 'cpu' ? 'too large for a software adapter' : undefined;
}
