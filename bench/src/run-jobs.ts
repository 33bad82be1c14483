import type { Device } from '@dawngrad/tensor';
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
}

/** Few runs of slow cases, enough of quick ones for the spread to mean something. */
const EFFORT = {
  quick: { seconds: 0.1, minRuns: 3, maxRuns: 10 },
  full: { seconds: 0.5, minRuns: 5, maxRuns: 50 },
} as const;

/** Runs jobs one after the other, with the ceilings measured before and after them. */
export async function runJobs(
  device: Device,
  jobs: readonly Job[],
  { isQuick, isAll, origin, note }: RunJobs,
): Promise<{ rows: Row[]; ceilings: Ceilings }> {
  const context: JobContext = { device, isQuick, effort: isQuick ? EFFORT.quick : EFFORT.full, note };
  const first = await measureCeilings(device);
  const found: { suite: SuiteName; finding: Finding }[] = [];
  for (const [i, job] of jobs.entries()) {
    const reason = reasonToSkip(job, device, isAll);
    note(`${i + 1}/${jobs.length} ${job.suite}: ${job.name}${reason === undefined ? '' : `: skipped, ${reason}`}`);
    if (reason !== undefined) continue;
    for (const finding of await job.run(context)) found.push({ suite: job.suite, finding });
  }
  const ceilings = await measureCeilings(device, first);
  return { rows: found.map(({ suite, finding }) => toRow(suite, finding, ceilings, origin)), ceilings };
}

function reasonToSkip(job: Job, device: Device, isAll: boolean): string | undefined {
  if (!job.isLarge) return undefined;
  if (!isAll) return 'large: runs with --all';
  return device.adapterClass === 'cpu' ? 'too large for a software adapter' : undefined;
}
