import type { Work } from './bench-case.ts';
import { type Ceilings, rooflineShare } from './roofline.ts';
import type { Summary } from './statistics.ts';

/** What is run together: the argument of `--suite`. */
export const SUITES = [
  'kernels',
  'train',
  'decode',
  'load',
  'memory',
  'rl',
  'eval',
  'dispatch',
  'tune',
  'peers',
] as const;
export type SuiteName = (typeof SUITES)[number];

/** Sizes and settings of a case. */
export type Params = Readonly<Record<string, number | string | boolean>>;

/** What one library's run of one case showed. Figures that do not apply are absent. */
export interface Finding {
  /** Subject, direction and sizes; what `--filter` is matched against. */
  readonly name: string;
  readonly params: Params;
  /** `dawngrad`, or the name of a peer. */
  readonly library: string;
  /** Milliseconds. */
  readonly time?: Summary;
  readonly work?: Work;
  /** Of one run after the first, as are submits and new buffers. */
  readonly dispatches?: number;
  readonly submits?: number;
  readonly newBuffers?: number;
  readonly peakBytes?: number;
  /** Figures that only some cases have, by a name with its unit. */
  readonly details: Params;
}

/** Where a row was measured. */
export interface RowOrigin {
  readonly adapter: string;
  readonly driver: string;
  readonly commit: string;
}

/** One library at one case: what `--json` writes an array of. `null` where a figure does not apply. */
export interface Row extends RowOrigin {
  readonly suite: SuiteName;
  readonly name: string;
  readonly params: Params;
  readonly library: string;
  readonly median_ms: number | null;
  readonly min_ms: number | null;
  readonly p95_ms: number | null;
  /** Of the median, as are GB/s and the share. */
  readonly gflops: number | null;
  readonly gbps: number | null;
  /** Least time that the work can take under the measured ceilings, over the median. */
  readonly ceiling_share: number | null;
  readonly dispatches: number | null;
  readonly submits: number | null;
  readonly new_buffers: number | null;
  readonly peak_bytes: number | null;
  readonly details: Params;
}

export function toRow(suite: SuiteName, finding: Finding, ceilings: Ceilings, origin: RowOrigin): Row {
  const { name, params, library, time, work, dispatches, submits, newBuffers, peakBytes, details } = finding;
  const rate = (amount: number | undefined): number | null => (amount && time ? amount / (time.median * 1e6) : null);
  return {
    suite,
    name,
    params,
    library,
    median_ms: time?.median ?? null,
    min_ms: time?.min ?? null,
    p95_ms: time?.p95 ?? null,
    gflops: rate(work?.flops),
    gbps: rate(work?.bytes),
    ceiling_share:
      time && work && (work.flops > 0 || work.bytes > 0) ? rooflineShare(work, time.median, ceilings) : null,
    dispatches: dispatches ?? null,
    submits: submits ?? null,
    new_buffers: newBuffers ?? null,
    peak_bytes: peakBytes ?? null,
    ...origin,
    details: { ...details, ...(time ? { runs: time.n } : {}), ...tokenRates(work, time, dispatches) },
  };
}

function tokenRates(work: Work | undefined, time: Summary | undefined, dispatches: number | undefined): Params {
  if (!work?.tokens || !time) return {};
  return {
    tokens_per_second: work.tokens / (time.median / 1000),
    ...(dispatches === undefined ? {} : { launches_per_token: dispatches / work.tokens }),
    ...(work.bytes > 0 ? { bytes_per_token: work.bytes / work.tokens } : {}),
  };
}
