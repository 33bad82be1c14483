import type { Finding, Params } from '../row.ts';
import { summarise } from '../statistics.ts';

/** One way to encode some launches. */
export interface EncodeLane {
  readonly name: string;
  readonly params: Params;
  readonly library: string;
  readonly dispatches: number;
  /** Records and submits everything, and does not wait for the device. */
  readonly encode: () => void | Promise<void>;
  /** Waits for the device; not timed. */
  readonly finish: () => Promise<void>;
  /** Figures of one run after the first. */
  readonly counts?: Pick<Finding, 'submits' | 'newBuffers'>;
  readonly details?: Params;
}

/** Runs before the timed ones. */
const WARM_UP = 3;

/** Times the host's part of each lane, in turns. */
export async function timeEncoding(lanes: readonly EncodeLane[], rounds: number): Promise<Finding[]> {
  const times = lanes.map((): number[] => []);
  for (let round = 0; round < rounds + WARM_UP; round++) {
    for (const [i, lane] of lanes.entries()) {
      const start = performance.now();
      await lane.encode();
      if (round >= WARM_UP) times[i]!.push(performance.now() - start);
      await lane.finish();
    }
  }
  return lanes.map((lane, i) => {
    const time = summarise(times[i]!);
    return {
      name: lane.name,
      params: lane.params,
      library: lane.library,
      time,
      dispatches: lane.dispatches,
      ...lane.counts,
      details: {
        clock: 'host',
        us_per_dispatch: (1000 * time.median) / lane.dispatches,
        min_us_per_dispatch: (1000 * time.min) / lane.dispatches,
        ...lane.details,
      },
    };
  });
}
