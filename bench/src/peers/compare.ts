import { ToolError } from '@dawngrad/tensor';
import { type Summary, summarise } from '../statistics.ts';
import type { Contender, Runner } from './contender.ts';
import type { GpuCounter, GpuCounts } from './gpu-counts.ts';
import { relativeDifference } from './relative-difference.ts';
import type { Workload } from './workload.ts';

/** One library at one workload. */
export interface Standing {
  readonly workload: string;
  readonly flops: number;
  readonly library: string;
  /** Milliseconds until the result is on the host. */
  readonly wall: Summary;
  /** Milliseconds of the first run, with tracing and compilation. */
  readonly firstRun: number;
  /** Of the last run. */
  readonly counts: GpuCounts;
  readonly peakBytes: number;
  /** Largest relative difference of a result to that of the first library, over all runs. */
  readonly difference: number;
}

/** Results further apart than this are not of the same work. */
const MAX_DIFFERENCE = 1e-2;

/** Runs one workload on every library, in turns, so that whatever else the machine does meets them alike. */
export async function compare(
  workload: Workload,
  contenders: readonly Contender[],
  counter: GpuCounter,
  rounds: number,
): Promise<Standing[]> {
  const lanes: Lane[] = [];
  for (const contender of contenders) {
    counter.begin(contender.name);
    counter.resetPeak(contender.name);
    lanes.push(new Lane(contender.name, await prepare(contender, workload)));
  }
  for (let round = 0; round < rounds + 2; round++) {
    const results: (readonly Float32Array[])[] = [];
    for (let turn = 0; turn < lanes.length; turn++) {
      // Nobody always follows the same neighbour, whose last frees may still be under way.
      const place = (turn + round) % lanes.length;
      const lane = lanes[place]!;
      counter.begin(lane.name);
      // The first run compiles and is checked in full; the second still fills pools.
      const start = performance.now();
      results[place] = await lane.runner.run(round === 0);
      lane.times.push(performance.now() - start);
      lane.counts = counter.counts;
    }
    for (const [place, lane] of lanes.entries()) lane.note(results[place]!, results[0]!);
  }
  return lanes.map((lane) => {
    lane.runner.dispose();
    const standing: Standing = {
      workload: workload.name,
      flops: workload.flops,
      library: lane.name,
      wall: summarise(lane.times.slice(2)),
      firstRun: lane.times[0]!,
      counts: lane.counts!,
      peakBytes: counter.peakBytes(lane.name),
      difference: lane.difference,
    };
    if (!(standing.difference <= MAX_DIFFERENCE)) {
      throw new ToolError('failed', {
        op: `${workload.name} on ${lane.name}`,
        expected: `the results of ${lanes[0]!.name} within ${MAX_DIFFERENCE}`,
        got: `a relative difference of ${standing.difference}`,
      });
    }
    return standing;
  });
}

class Lane {
  readonly name: string;
  readonly runner: Runner;
  readonly times: number[] = [];
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
  }
}

function prepare(contender: Contender, workload: Workload): Promise<Runner> {
  switch (workload.kind) {
    case 'matmul':
      return contender.matmul(workload);
    case 'attention':
      return contender.attention(workload);
    case 'train':
      return contender.train(workload);
  }
}
