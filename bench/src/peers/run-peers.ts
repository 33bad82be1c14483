import { Device, ToolError } from '@dawngrad/tensor';
import { createGpu } from '@dawngrad/tensor/node';
import { type BenchEnvironment, describeEnvironment } from '../environment.ts';
import { installBrowserGlobals } from './browser-globals.ts';
import { compare, type Standing } from './compare.ts';
import { dawngradContender } from './dawngrad.ts';
import { GpuCounter } from './gpu-counts.ts';
import { jaxContender } from './jax-js.ts';
import { loadPeers } from './load-peers.ts';
import { tfjsContender } from './tfjs.ts';
import { type Workload, workloads } from './workload.ts';

/** Rounds of slow and of quick workloads. */
const [SLOW_ROUNDS, QUICK_ROUNDS] = [5, 20];

export interface PeersOptions {
  /** Where the other libraries are installed. */
  readonly folder: string;
  /** Words of the workloads to run; all without any. */
  readonly filters: readonly string[];
  readonly onEnvironment: (environment: BenchEnvironment) => void;
  readonly onWorkload: (standings: readonly Standing[]) => void;
}

/** Runs the workloads on dawngrad, jax-js and TensorFlow.js in this process, on one Dawn and one adapter. */
export async function runPeers(options: PeersOptions): Promise<void> {
  const chosen = selectWorkloads(options.filters);
  const gpu = createGpu();
  installBrowserGlobals(gpu);
  const counter = new GpuCounter();
  const { jax, tfjs } = await loadPeers(options.folder);
  counter.begin('jax-js (jit)');
  const peers = [await jaxContender(jax)];
  counter.begin('tfjs-webgpu');
  peers.push(await tfjsContender(tfjs));
  for (const [i, workload] of chosen.entries()) {
    counter.begin('dawngrad');
    // A device learns how long its work takes; one workload must not teach another.
    const device = await Device.open(gpu);
    if (i === 0) options.onEnvironment(await describeEnvironment(device));
    const contenders = [dawngradContender(device), ...peers];
    const isSlow = workload.flops > 1e9;
    options.onWorkload(await compare(workload, contenders, counter, isSlow ? SLOW_ROUNDS : QUICK_ROUNDS));
    counter.begin('dawngrad');
    device.close();
  }
}

function selectWorkloads(words: readonly string[]): Workload[] {
  const chosen = workloads.filter(({ name }) => words.length === 0 || words.some((word) => name.includes(word)));
  if (chosen.length === 0) {
    throw new ToolError('usage', {
      op: '--peers',
      expected: `a word of ${workloads.map(({ name }) => name).join(', ')}`,
      got: words.join(' '),
    });
  }
  return chosen;
}
