import { type Device, scope } from '@dawngrad/tensor';
import type { Effort } from '../measure.ts';
import { type Summary, summarise } from '../statistics.ts';

/** Work that is recorded; what it makes is freed. */
export type Lane = () => void;

/** Times ways to do the same work, in turns. Milliseconds, in the order of the lanes. */
export async function timeLanes(
  device: Device,
  lanes: readonly Lane[],
  { minRuns, maxRuns, seconds }: Effort,
  clock: 'device' | 'wall',
): Promise<Summary[]> {
  const times = lanes.map((): number[] => []);
  const time = clock === 'device' && device.features.has('timestamp-query') ? deviceTime : wallTime;
  const start = performance.now();
  // The first two rounds compile and fill pools.
  for (let round = -2; round < maxRuns; round++) {
    if (round >= minRuns && performance.now() - start > seconds * 1000 * lanes.length) break;
    for (const [i, lane] of lanes.entries()) {
      const milliseconds = await time(device, lane);
      if (round >= 0) times[i]!.push(milliseconds);
    }
  }
  return times.map(summarise);
}

async function deviceTime(device: Device, lane: Lane): Promise<number> {
  const timings = await device.profile(() => scope(lane));
  return timings.reduce((total, timing) => total + timing.microseconds, 0) / 1000;
}

async function wallTime(device: Device, lane: Lane): Promise<number> {
  const start = performance.now();
  scope(lane);
  await device.finish();
  return performance.now() - start;
}
