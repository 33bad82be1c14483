import { type Device, readAll, scope, type Tensor } from '@dawngrad/tensor';
import type { BenchCase, Prepared, RecordedRun } from './bench-case.ts';
import type { Finding } from './row.ts';
import { summarise } from './statistics.ts';

export interface Effort {
  /** Seconds to go on for once there are enough runs. */
  readonly seconds: number;
  readonly minRuns: number;
  readonly maxRuns: number;
}

/**
 * Runs a case until `effort` is spent; device-timed and clock-timed runs take turns. The times are those on
 * the device's clock, but not more than wall time: with timestamps every launch is a pass of its own, which
 * can cost more than the whole of a normal run.
 */
export async function measure(device: Device, benchCase: BenchCase, effort: Effort): Promise<Finding> {
  const prepared = benchCase.prepare(device);
  try {
    return await measurePrepared(device, benchCase, prepared, effort);
  } finally {
    prepared.dispose();
    device.pool.trim();
  }
}

async function measurePrepared(
  device: Device,
  { name, params, work }: BenchCase,
  prepared: Prepared,
  effort: Effort,
): Promise<Finding> {
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
  const wall = summarise(wallTimes);
  const onDevice = deviceTimes.length > 0 ? summarise(deviceTimes) : undefined;
  const isOnDevice = onDevice !== undefined && onDevice.median < wall.median;
  return {
    name,
    params,
    library: 'dawngrad',
    time: isOnDevice ? onDevice : wall,
    work,
    dispatches: after.dispatches - before.dispatches,
    submits: after.submits - before.submits,
    newBuffers: after.buffersCreated - before.buffersCreated,
    peakBytes: memory.peakLiveBytes,
    details: {
      clock: isOnDevice ? 'device' : 'wall',
      wall_median_ms: wall.median,
      first_ms: firstRun,
      passes: after.passes - before.passes,
      new_bind_groups: after.bindGroupsCreated - before.bindGroupsCreated,
      largest_bytes: memory.largestBytes,
      largest: memory.largestLabel,
    },
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
