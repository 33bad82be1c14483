import type { AdapterClass } from '../gpu/adapter.ts';
import { linearWorkgroups, type Workgroups } from '../gpu/kernel.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import { areOrdered, readsOf, writesOf } from './launch-access.ts';
import { type MergeableKernel, mergeable, mergeKernels } from './merge-kernels.ts';

/**
 * How many workgroups may stand side by side. On a CPU a launch costs more than what it wins by running alone;
 * a GPU that one launch fills gains nothing from a second beside it.
 */
const MOST_WORKGROUPS: Readonly<Record<AdapterClass, number>> = { cpu: 1 << 20, gpu: 512 };

/**
 * How far a launch may move by the size of its largest temporary: what it reads or writes stays in memory
 * meanwhile, and a launch over much memory gains little from company.
 */
const REACH: readonly { readonly bytes: number; readonly launches: number }[] = [
  { bytes: 64 * 1024, launches: Number.POSITIVE_INFINITY },
  { bytes: 1024 * 1024, launches: 10 },
  { bytes: Number.POSITIVE_INFINITY, launches: 1 },
];

export interface MergeLimits {
  readonly maxBuffers: number;
  readonly adapterClass: AdapterClass;
}

/** Launches that do not depend on each other, to be made one. */
interface Group {
  readonly members: RecordedLaunch[];
  readonly kernels: MergeableKernel[];
}

/**
 * Puts independent launches into one, each in its own workgroups: the gradients by the input and by the weight
 * of a layer, the partial sums of all norms. A launch costs tens of microseconds on a CPU adapter and leaves a
 * GPU partly idle at its end, more than a comparison of the workgroup's index.
 */
export function mergeLaunches(launches: readonly RecordedLaunch[], limits: MergeLimits): RecordedLaunch[] {
  const list: (Group | undefined)[] = launches.map((launch) => {
    const kernel = mergeable(launch.kernel);
    return { members: [launch], kernels: kernel === undefined ? [] : [kernel] };
  });
  for (let i = 0; i < list.length; i++) {
    let distance = 0;
    for (let j = i + 1; j < list.length && list[i] !== undefined; j++) {
      const [first, second] = [list[i]!, list[j]];
      if (second === undefined) continue;
      distance++;
      if (distance > Math.max(reachOf(first), reachOf(second))) continue;
      if (!fit(first, second, limits)) continue;
      const between = list.slice(i + 1, j).filter((group) => group !== undefined);
      if (distance <= reachOf(second) && isIndependent(second, [first, ...between])) list[i] = union(first, second);
      else if (distance <= reachOf(first) && isIndependent(first, [...between, second])) list[j] = union(first, second);
      else continue;
      if (list[i] === first) list[i] = undefined;
      else list[j] = undefined;
    }
  }
  return list.flatMap((group) => (group === undefined ? [] : [toLaunch(group)]));
}

function union(a: Group, b: Group): Group {
  return { members: [...a.members, ...b.members], kernels: [...a.kernels, ...b.kernels] };
}

function reachOf({ members }: Group): number {
  const sizes = members.flatMap(({ bindings }) =>
    bindings.map(({ storage }) => (storage.isVirtual ? storage.bytes : 0)),
  );
  const largest = Math.max(0, ...sizes);
  return REACH.find(({ bytes }) => largest <= bytes)!.launches;
}

function isIndependent(group: Group, others: readonly Group[]): boolean {
  return others.every(({ members }) => members.every((other) => !group.members.some((own) => areOrdered(own, other))));
}

function countOf({ workgroups: [x, y, z] }: RecordedLaunch): number {
  return x * y * z;
}

/** True if the two may be one launch, their order aside. */
function fit(a: Group, b: Group, { maxBuffers, adapterClass }: MergeLimits): boolean {
  if (a.kernels.length === 0 || b.kernels.length === 0) return false;
  const kernels = [...a.kernels, ...b.kernels];
  const threads = kernels.map(({ size: [x, y, z] }) => x * y * z);
  if (new Set(threads).size > 1 || kernels.filter(({ usesWorkgroupMemory }) => usesWorkgroupMemory).length > 1) {
    return false;
  }
  const members = [...a.members, ...b.members];
  if (members.reduce((total, { bindings }) => total + bindings.length, 0) > maxBuffers) return false;
  if (members.reduce((total, launch) => total + countOf(launch), 0) > MOST_WORKGROUPS[adapterClass]) return false;
  // A buffer is read-only or writable within a launch, not both.
  const written = new Set(members.flatMap((launch) => writesOf(launch).map(({ storage }) => storage)));
  return !members.some((launch) => readsOf(launch).some(({ storage }) => written.has(storage)));
}

function toLaunch(group: Group): RecordedLaunch {
  if (group.members.length === 1) return group.members[0]!;
  // In one order, whatever order they came in: the same kernels then make the same merged kernel, compiled once.
  const order = group.kernels.map((_, i) => i);
  order.sort((a, b) => compareText(group.kernels[a]!.kernel.key, group.kernels[b]!.kernel.key) || a - b);
  const members = order.map((i) => group.members[i]!);
  const kernels = order.map((i) => group.kernels[i]!);
  const workgroups: Workgroups = linearWorkgroups(members.reduce((total, launch) => total + countOf(launch), 0));
  const flops = members.reduce((total, { info }) => total + (info?.flops ?? 0), 0);
  return {
    kernel: mergeKernels(kernels),
    bindings: members.flatMap(({ bindings }) => bindings),
    params: [...members.flatMap((launch) => [...launch.workgroups]), ...members.flatMap(({ params }) => params)],
    workgroups,
    info: { kind: 'opaque', ...(flops > 0 ? { flops } : {}) },
  };
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
