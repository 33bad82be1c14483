import { ToolError } from '@dawngrad/tensor';
import type { Effort } from '../measure.ts';
import type { Finding } from '../row.ts';
import { summarise } from '../statistics.ts';
import type { Contender, Runner } from './contender.ts';
import type { GpuCounter, GpuCounts } from './gpu-counts.ts';
import { relativeDifference } from './relative-difference.ts';
import type { Workload } from './workload.ts';

/** Results further apart than this are not of the same work. */
const MAX_DIFFERENCE = 1e-3;
/** Losses of a training step that are written down, for comparing with runs of others. */
const LOSSES = 8;
/** Runs before the timed ones: the first compiles, the second still fills pools. */
const WARM_UP = 2;

/**
 * Runs one workload on every library that can do it, in turns, so that whatever else the machine does meets
 * them alike. The effort counts rounds; with none at most, only the first run is done, and checked in full:
 * buffers to read every result with would count for the memory of a timed run.
 */
export async function compare(
  workload: Workload,
  contenders: readonly Contender[],
  counter: GpuCounter,
  { minRuns, maxRuns, seconds }: Effort,
): Promise<Finding[]> {
  const lanes: Lane[] = [];
  for (const contender of contenders) {
    counter.begin(contender.name);
    counter.resetPeak(contender.name);
    const runner = await prepare(contender, workload);
    if (runner !== undefined) lanes.push(new Lane(contender.name, runner));
  }
  const start = performance.now();
  for (let round = -WARM_UP; round < maxRuns; round++) {
    if (round > -WARM_UP && maxRuns === 0) break;
    if (round >= minRuns && performance.now() - start > seconds * 1000) break;
    const results: (readonly Float32Array[])[] = [];
    for (let turn = 0; turn < lanes.length; turn++) {
      // Nobody always follows the same neighbour, whose last frees may still be under way.
      const place = (turn + round + WARM_UP) % lanes.length;
      const lane = lanes[place]!;
      counter.begin(lane.name);
      const begin = performance.now();
      results[place] = await lane.runner.run(maxRuns === 0);
      lane.times.push(performance.now() - begin);
      lane.counts = counter.counts;
    }
    for (const [place, lane] of lanes.entries()) lane.note(results[place]!, results[0]!);
  }
  return lanes.map((lane) => {
    lane.runner.dispose();
    if (!(lane.difference <= MAX_DIFFERENCE)) {
      throw new ToolError('failed', {
        op: `${workload.name} on ${lane.name}`,
        expected: `the results of ${lanes[0]!.name} within ${MAX_DIFFERENCE}`,
        got: `a relative difference of ${lane.difference}`,
      });
    }
    return lane.finding(workload, counter.peakBytes(lane.name));
  });
}

class Lane {
  readonly name: string;
  readonly runner: Runner;
  readonly times: number[] = [];
  readonly #losses: string[] = [];
  counts: GpuCounts | undefined;
  difference = 0;

  constructor(name: string, runner: Runner) {
    this.name = name;
    this.runner = runner;
  }

  note(results: readonly Float32Array[], reference: readonly Float32Array[]): void {
    results.forEach((values, i) => {
      this.difference = Math.max(this.difference, relativeDifference(values, reference[i]!));
    });
    if (results.length === 1 && results[0]!.length === 1 && this.#losses.length < LOSSES) {
      this.#losses.push(results[0]![0]!.toFixed(4));
    }
  }

  finding({ kind, name, params, flops, bytes }: Workload, peakBytes: number): Finding {
    const { dispatches, submits, passes, buffers, bindGroups, pipelines } = this.counts!;
    const timed = this.times.slice(WARM_UP);
    return {
      name,
      params,
      library: this.name,
      ...(timed.length > 0 ? { time: summarise(timed) } : {}),
      work: { flops, bytes },
      dispatches,
      submits,
      newBuffers: buffers,
      peakBytes,
      details: {
        clock: 'wall',
        first_ms: this.times[0]!,
        passes,
        new_bind_groups: bindGroups,
        new_pipelines: pipelines,
        difference: this.difference,
        ...(kind === 'train' ? { losses: this.#losses.join(' ') } : {}),
      },
    };
  }
}

async function prepare(contender: Contender, workload: Workload): Promise<Runner | undefined> {
  switch (workload.kind) {
    case 'matmul':
      return contender.matmul(workload);
    case 'attention':
      return contender.attention?.(workload);
    case 'train':
      return contender.train?.(workload);
  }
}
