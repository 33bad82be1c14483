import type { AdapterClass } from '../gpu/adapter.ts';
import type { BufferBinding } from '../gpu/command-list.ts';
import { linearWorkgroups, type Workgroups } from '../gpu/kernel.ts';
import type { RecordedLaunch } from '../gpu/launch-recorder.ts';
import { anyOverlap, readsOf, writesOf } from './launch-access.ts';
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

/** Launches that do not depend on each other, to be made one; with what the search asks of them again and again. */
interface Group {
  readonly members: readonly RecordedLaunch[];
  /** Empty where a member cannot be merged. */
  readonly kernels: readonly MergeableKernel[];
  readonly reads: readonly BufferBinding[];
  readonly writes: readonly BufferBinding[];
  readonly workgroups: number;
  /** How far it may move. */
  readonly reach: number;
  /** Nearest places before and after it of groups that must keep their order with it; undefined where not known. */
  before: number | undefined;
  after: number | undefined;
}

/**
 * Puts independent launches into one, each in its own workgroups: the gradients by the input and by the weight
 * of a layer, the partial sums of all norms. A launch costs tens of microseconds on a CPU adapter and leaves a
 * GPU partly idle at its end, more than a comparison of the workgroup's index.
 */
export function mergeLaunches(launches: readonly RecordedLaunch[], limits: MergeLimits): RecordedLaunch[] {
  const list: (Group | undefined)[] = launches.map((launch) => {
    const kernel = mergeable(launch.kernel);
    return toGroup([launch], kernel === undefined ? [] : [kernel]);
  });
  for (let i = 0; i < list.length; i++) {
    let distance = 0;
    for (let j = i + 1; j < list.length && list[i] !== undefined; j++) {
      const [first, second] = [list[i]!, list[j]];
      if (second === undefined) continue;
      distance++;
      // The second may stand at i if nothing from there on must come before it, the first at j likewise.
      const isUp = nearestBefore(list, j) < i;
      if (!isUp && nearestAfter(list, i) <= j) continue;
      if (distance > Math.max(first.reach, second.reach) || !fit(first, second, limits)) continue;
      const isDown = nearestAfter(list, i) > j;
      if (distance <= second.reach && isUp) merge(list, i, j, i);
      else if (distance <= first.reach && isDown) merge(list, i, j, j);
    }
  }
  return list.flatMap((group) => (group === undefined ? [] : [toLaunch(group)]));
}

function toGroup(members: readonly RecordedLaunch[], kernels: readonly MergeableKernel[]): Group {
  return {
    members,
    kernels,
    reads: members.flatMap(readsOf),
    writes: members.flatMap(writesOf),
    workgroups: members.reduce((total, launch) => total + countOf(launch), 0),
    reach: reachOf(members),
    before: undefined,
    after: undefined,
  };
}

/** Makes the groups at i and j one, at the place `to`, which is i or j. */
function merge(list: (Group | undefined)[], i: number, j: number, to: number): void {
  const [a, b] = [list[i]!, list[j]!];
  list[i] = undefined;
  list[j] = undefined;
  list[to] = toGroup([...a.members, ...b.members], [...a.kernels, ...b.kernels]);
  // What was near to either may have another neighbour now.
  for (const group of list) {
    if (group?.before !== undefined && group.before >= i) group.before = undefined;
    if (group?.after !== undefined && group.after <= j) group.after = undefined;
  }
}

function nearestBefore(list: readonly (Group | undefined)[], at: number): number {
  const group = list[at]!;
  if (group.before !== undefined) return group.before;
  let k = at - 1;
  while (k >= 0 && (list[k] === undefined || !mustKeepOrder(list[k]!, group))) k--;
  group.before = k;
  return k;
}

function nearestAfter(list: readonly (Group | undefined)[], at: number): number {
  const group = list[at]!;
  if (group.after !== undefined) return group.after;
  let k = at + 1;
  while (k < list.length && (list[k] === undefined || !mustKeepOrder(list[k]!, group))) k++;
  group.after = k;
  return k;
}

/** True if one writes what the other reads or writes. */
function mustKeepOrder(a: Group, b: Group): boolean {
  return anyOverlap(a.writes, b.reads) || anyOverlap(a.writes, b.writes) || anyOverlap(a.reads, b.writes);
}

function reachOf(members: readonly RecordedLaunch[]): number {
  const sizes = members.flatMap(({ bindings }) =>
    bindings.map(({ storage }) => (storage.isVirtual ? storage.bytes : 0)),
  );
  const largest = Math.max(0, ...sizes);
  return REACH.find(({ bytes }) => largest <= bytes)!.launches;
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
  const [reads, writes] = [
    [...a.reads, ...b.reads],
    [...a.writes, ...b.writes],
  ];
  if (reads.length + writes.length > maxBuffers) return false;
  if (a.workgroups + b.workgroups > MOST_WORKGROUPS[adapterClass]) return false;
  // A buffer is read-only or writable within a launch, not both.
  const written = new Set(writes.map(({ storage }) => storage));
  return !reads.some(({ storage }) => written.has(storage));
}

function toLaunch(group: Group): RecordedLaunch {
  if (group.members.length === 1) return group.members[0]!;
  // In one order, whatever order they came in: the same kernels then make the same merged kernel, compiled once.
  const order = group.kernels.map((_, i) => i);
  order.sort((a, b) => compareText(group.kernels[a]!.kernel.key, group.kernels[b]!.kernel.key) || a - b);
  const members = order.map((i) => group.members[i]!);
  const kernels = order.map((i) => group.kernels[i]!);
  const workgroups: Workgroups = linearWorkgroups(group.workgroups);
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
