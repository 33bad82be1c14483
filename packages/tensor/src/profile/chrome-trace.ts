import type { KernelTiming } from '../gpu/timestamp-set.ts';

/** An event of the Trace Event Format, as Perfetto and chrome://tracing read it. */
interface TraceEvent {
  readonly name: string;
  readonly ph: 'X' | 'M';
  readonly pid: number;
  readonly tid: number;
  /** In microseconds. */
  readonly ts?: number;
  readonly dur?: number;
  readonly args: Readonly<Record<string, string | number>>;
}

/**
 * The launches of a profile as the text of a trace file: save it and open it in Perfetto.
 *
 * Source: "Trace Event Format", the Chromium project.
 */
export function toChromeTrace(timings: readonly KernelTiming[], name = 'dawngrad'): string {
  const place = { pid: 1, tid: 1 };
  const events: TraceEvent[] = [
    { name: 'process_name', ph: 'M', ...place, args: { name } },
    { name: 'thread_name', ph: 'M', ...place, args: { name: 'device queue' } },
    ...timings.map(
      ({ label, startMicroseconds, microseconds, flops, bytes }, launch): TraceEvent => ({
        name: label,
        ph: 'X',
        ...place,
        ts: startMicroseconds,
        dur: microseconds,
        args: { launch, bytes, ...(flops === undefined ? {} : { flops }) },
      }),
    ),
  ];
  return `${JSON.stringify({ displayTimeUnit: 'ns', traceEvents: events })}\n`;
}
