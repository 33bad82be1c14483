import { fork } from 'node:child_process';
import { Device, ToolError } from '@dawngrad/tensor';
import { createGpu } from '@dawngrad/tensor/node';
import type { Effort } from '../measure.ts';
import type { Finding } from '../row.ts';
import { installBrowserGlobals } from './browser-globals.ts';
import { compare } from './compare.ts';
import { dawngradContender } from './dawngrad.ts';
import { GpuCounter } from './gpu-counts.ts';
import { missingPackages, PEERS } from './load-peers.ts';
import { workloads } from './workload.ts';

/** The first argument of a process that runs one workload. */
export const WORKLOAD_PROCESS = '--workload-process';

/** What such a process is told. */
export interface WorkloadRequest {
  readonly workload: string;
  readonly folder: string;
  /** Rounds in which every library runs once; none for the first run alone. */
  readonly rounds: Effort;
}

type Reply = { readonly findings: readonly Finding[] } | { readonly error: string };

/**
 * Runs one workload in a process of its own: what a library keeps from earlier workloads, in memory or in
 * compiled shaders, would otherwise count for or against it.
 */
export function runInProcess(request: WorkloadRequest, env: NodeJS.ProcessEnv): Promise<readonly Finding[]> {
  return new Promise((resolve, reject) => {
    // onnxruntime-web is 27 MB of WebAssembly, whose optimising compiler stalls the first run for half a minute.
    const child = fork(process.argv[1]!, [WORKLOAD_PROCESS, JSON.stringify(request)], {
      env,
      execArgv: ['--liftoff-only'],
    });
    let reply: Reply | undefined;
    child.on('message', (message) => {
      reply = message as Reply;
    });
    child.on('error', reject);
    child.on('exit', (code, signal) => {
      if (reply !== undefined && 'findings' in reply) resolve(reply.findings);
      else {
        const got = reply?.error ?? `an exit with ${signal ?? code}`;
        reject(new ToolError('failed', { op: request.workload, expected: 'a comparison with the peers', got }));
      }
    });
  });
}

/** The other side: runs the workload on dawngrad and all peers that are installed, and sends what it found. */
export async function serveWorkload(argument: string): Promise<void> {
  const reply = await findingsOf(JSON.parse(argument) as WorkloadRequest).then(
    (findings): Reply => ({ findings }),
    (error: unknown): Reply => ({ error: error instanceof Error ? error.message : String(error) }),
  );
  // Libraries leave timers and devices behind that would keep the process alive.
  process.send?.(reply, () => process.exit(0));
}

async function findingsOf({ workload: name, folder, rounds }: WorkloadRequest): Promise<Finding[]> {
  const workload = workloads.find((found) => found.name === name)!;
  const gpu = createGpu();
  installBrowserGlobals(gpu);
  const counter = new GpuCounter();
  counter.begin('dawngrad');
  const contenders = [dawngradContender(await Device.open(gpu))];
  for (const peer of PEERS) {
    if (!peer.kinds.includes(workload.kind) || missingPackages(peer, folder).length > 0) continue;
    counter.begin(peer.name);
    contenders.push(await peer.load(folder));
  }
  return compare(workload, contenders, counter, rounds);
}
