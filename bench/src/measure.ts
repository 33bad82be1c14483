import { type Device, readAll, scope, type Tensor } from '@dawngrad/tensor';
import type { BenchCase, Prepared, RecordedRun, Work } from './bench-case.ts';
import { type Summary, summarise } from './statistics.ts';

export interface Effort {
  /** Seconds to go on for once there are enough runs. */
  readonly seconds: number;
  readonly minRuns: number;
  readonly maxRuns: number;
}

export interface Measurement {
  readonly name: string;
  readonly work: Work;
  /** Milliseconds on the device's clock, all launches of a run added; absent without timestamps. */
  readonly device: Summary | undefined;
  /** Milliseconds from the first recorded launch to the values on the host. */
  readonly wall: Summary;
  /** Compilation, buffers and the rest of the very first run, in milliseconds. */
  readonly firstRun: number;
  /** Of one run after the first. */
  readonly dispatches: number;
  readonly submits: number;
  readonly buffersCreated: number;
  /** Most bytes that tensors held at once during a run, inputs included. */
  readonly peakBytes: number;
  /** Largest allocation of a run after the first, in bytes, and whose it was. */
  readonly largestBytes: number;
  readonly largestLabel: string;
}

/** Runs a case until `effort` is spent; device-timed and clock-timed runs take turns. */
export async function measure(device: Device, benchCase: BenchCase, effort: Effort): Promise<Measurement> {
  const prepared = benchCase.prepare(device);
  await device.finish();
  const firstRun = await wallTime(device, prepared);
  await wallTime(device, prepared);
  const canProfile = 'record' in prepared && device.features.has('timestamp-query');
  const deviceTimes: number[] = [];
  const wallTimes: number[] = [];
  device.pool.resetPeak();
  const before = device.counters;
  wallTimes.push(await wallTime(device, prepared));
  const after = device.counters;
  const memory = device.memory;
  const start = performance.now();
  while (
    wallTimes.length < effort.minRuns ||
    (wallTimes.length < effort.maxRuns && performance.now() - start < effort.seconds * 1000)
  ) {
    if (canProfile) deviceTimes.push(await deviceTime(device, prepared));
    wallTimes.push(await wallTime(device, prepared));
  }
  prepared.dispose();
  device.pool.trim();
  return {
    name: benchCase.name,
    work: benchCase.work,
    device: deviceTimes.length > 0 ? summarise(deviceTimes) : undefined,
    wall: summarise(wallTimes),
    firstRun,
    dispatches: after.dispatches - before.dispatches,
    submits: after.submits - before.submits,
    buffersCreated: after.buffersCreated - before.buffersCreated,
    peakBytes: memory.peakLiveBytes,
    largestBytes: memory.largestBytes,
    largestLabel: memory.largestLabel,
  };
}

async function deviceTime(device: Device, prepared: RecordedRun): Promise<number> {
  const timings = await device.profile(() => scope(() => void prepared.record()));
  return timings.reduce((total, timing) => total + timing.microseconds, 0) / 1000;
}

async function wallTime(device: Device, prepared: Prepared): Promise<number> {
  const start = performance.now();
  if ('run' in prepared) {
    await prepared.run();
    return performance.now() - start;
  }
  const results: readonly Tensor[] = scope(prepared.record);
  if (results.length > 0) await readAll(results);
  else await device.finish();
  const elapsed = performance.now() - start;
  for (const tensor of results) tensor.dispose();
  return elapsed;
}
