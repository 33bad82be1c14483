import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { ToolError } from '@dawngrad/tensor';
import type { Job, JobContext } from '../job.ts';
import type { Finding } from '../row.ts';
import { missingPackages, PEERS } from './load-peers.ts';
import type { Workload } from './workload.ts';
import { workloads } from './workload.ts';
import { runInProcess } from './workload-process.ts';

/** Rounds of a workload: in each of them every library runs once. */
const ROUNDS = {
  quick: { seconds: 0, minRuns: 3, maxRuns: 3 },
  full: { seconds: 4, minRuns: 7, maxRuns: 31 },
  none: { seconds: 0, minRuns: 0, maxRuns: 0 },
} as const;

/** The folder that the peers are installed in by default: `bench/peers` of the repository. */
export const PEERS_FOLDER = join(import.meta.dirname, '..', '..', 'peers');

export interface PeersFound {
  readonly folder: string;
  /** Libraries that are not installed, with what is missing. */
  readonly missing: readonly string[];
}

/** Which peers are installed in `folder`. Throws ToolError 'usage' where none is. */
export function findPeers(folder: string = PEERS_FOLDER): PeersFound {
  const root = resolve(folder);
  const missing = PEERS.flatMap((peer) => {
    const packages = missingPackages(peer, root);
    return packages.length > 0 ? [`${peer.name} (${packages.join(', ')})`] : [];
  });
  if (missing.length === PEERS.length) {
    throw new ToolError('usage', {
      op: '--suite peers',
      expected: `${PEERS.map(({ name }) => name).join(', ')} or one of them in ${root}`,
      got: 'none',
      hint: 'npm install --prefix bench/peers --ignore-scripts',
    });
  }
  return { folder: root, missing };
}

/** The same work on dawngrad and its peers. */
export function peerJobs(folder: string): Job[] {
  return workloads.map((workload) => ({
    suite: 'peers',
    name: workload.name,
    isQuick: workload.isQuick,
    isLarge: false,
    run: (context) => runWorkload(workload, folder, context),
  }));
}

async function runWorkload(
  workload: Workload,
  folder: string,
  { device, isQuick }: JobContext,
): Promise<readonly Finding[]> {
  const request = { workload: workload.name, folder, rounds: isQuick ? ROUNDS.quick : ROUNDS.full };
  if (workload.kind === 'matmul') return runInProcess(request, process.env);
  // Mesa keeps compiled shaders on disk: with a cache folder of its own the first process finds none there,
  // and the second those of the first. Other drivers are taken as they are.
  const hasMesa = /mesa/i.test(device.adapter.description);
  const cache = hasMesa ? await mkdtemp(join(tmpdir(), 'dawngrad-bench-')) : undefined;
  const env = cache === undefined ? process.env : { ...process.env, MESA_SHADER_CACHE_DIR: cache };
  try {
    const first = await runInProcess({ ...request, rounds: ROUNDS.none }, env);
    const timed = await runInProcess(request, env);
    return timed.map((finding) => {
      const { first_ms, difference } = first.find(({ library }) => library === finding.library)!.details;
      const cold = hasMesa ? { first_ms_cold_cache: first_ms! } : {};
      const worst = Math.max(Number(difference), Number(finding.details.difference));
      return { ...finding, details: { ...finding.details, difference: worst, ...cold } };
    });
  } finally {
    if (cache !== undefined) await rm(cache, { recursive: true, force: true });
  }
}
