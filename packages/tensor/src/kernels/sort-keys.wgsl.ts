import { type Kernel, type KernelBinding, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import type { ScalarLike } from '../scalar.ts';
import { collapseLoops, type Shape } from '../shape.ts';
import { RESOLVE_INDEX_WGSL } from './lib/index-value.wgsl.ts';
import { coordinates, dimParams, operandIndex, operandParams } from './lib/move.wgsl.ts';
import { PHILOX_WGSL } from './lib/philox.wgsl.ts';

/*
 * Math     keys[j] = key(positions[j]) in ascending order, positions ascending among equal keys: a stable sort
 * Layout   keys, positions u32 [N].
 * Dispatch 'blocks': a workgroup computes the keys of BLOCK positions and sorts the pairs in workgroup memory (bitonic);
 *          then log2(N / BLOCK) times 'merge': a thread a pair of a run finds by bisection how many pairs of the
 *          neighbouring run stand before it. Pairs are never equal, so all orders agree on every adapter.
 * Memory   a launch reads and writes N pairs; 'merge' reads log2 of the run's length more, from cache.
 * Source   K. E. Batcher, "Sorting networks and their applications", 1968.
 */
const BLOCK = 1024;
const LANES = 256;

/** Where the keys come from. */
export interface KeySource {
  readonly key: string;
  readonly inputs: readonly KernelBinding[];
  readonly params: readonly string[];
  readonly values: readonly ScalarLike[];
  /** WGSL with `fn key(i: u32) -> u32`. */
  readonly functions: string;
}

/** The launches of a sort: 'blocks', then one merge after another between two pairs of buffers. */
export interface SortKeysPlan {
  /** Bindings: the source's inputs, keys, positions. */
  readonly blocks: LaunchPlan;
  /** Bindings: keys and positions as they are, then the same merged. */
  readonly merges: readonly LaunchPlan[];
}

export function planSortKeys(source: KeySource, count: number): SortKeysPlan {
  const merges: LaunchPlan[] = [];
  for (let run = BLOCK; run < count; run *= 2) {
    merges.push({ kernel: MERGE, params: [count, run], workgroups: linearWorkgroups(Math.ceil(count / LANES)) });
  }
  return {
    blocks: {
      kernel: blocksKernel(source),
      params: [count, ...source.values],
      workgroups: linearWorkgroups(Math.ceil(count / BLOCK)),
    },
    merges,
  };
}

function blocksKernel(source: KeySource): Kernel {
  return {
    key: `sort-keys/blocks/${source.key}`,
    label: 'tensor/sort-keys/blocks',
    bindings: [
      ...source.inputs,
      { name: 'keys', access: 'read_write', element: 'u32' },
      { name: 'positions', access: 'read_write', element: 'u32' },
    ],
    params: ['count', ...source.params].map((name) => ({ name, type: 'u32' })),
    body: () => `
${source.functions}
var<workgroup> held: array<vec2u, ${BLOCK}>;
fn before(a: vec2u, b: vec2u) -> bool { return a.x < b.x || (a.x == b.x && a.y < b.y); }
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = (group.x + group.y * groups.x) * ${BLOCK}u;
  for (var at = lane; at < ${BLOCK}u; at += ${LANES}u) {
    let i = first + at;
    // What fills up the last block stands behind all real pairs: its positions are larger.
    var pair = vec2u(0xffffffffu, i);
    if (i < params.count) { pair.x = key(i); }
    held[at] = pair;
  }
  for (var size = 2u; size <= ${BLOCK}u; size *= 2u) {
    for (var step = size / 2u; step > 0u; step /= 2u) {
      workgroupBarrier();
      for (var pair = lane; pair < ${BLOCK / 2}u; pair += ${LANES}u) {
        let low = 2u * pair - (pair & (step - 1u));
        let a = held[low];
        let b = held[low + step];
        let ascending = (low & size) == 0u;
        if (before(b, a) == ascending) {
          held[low] = b;
          held[low + step] = a;
        }
      }
    }
  }
  workgroupBarrier();
  for (var at = lane; at < ${BLOCK}u; at += ${LANES}u) {
    if (first + at < params.count) {
      keys[first + at] = held[at].x;
      positions[first + at] = held[at].y;
    }
  }
}
`,
  };
}

const MERGE: Kernel = {
  key: 'sort-keys/merge',
  label: 'tensor/sort-keys/merge',
  bindings: [
    { name: 'keys', access: 'read', element: 'u32' },
    { name: 'positions', access: 'read', element: 'u32' },
    { name: 'mergedKeys', access: 'read_write', element: 'u32' },
    { name: 'mergedPositions', access: 'read_write', element: 'u32' },
  ],
  params: ['count', 'run'].map((name) => ({ name, type: 'u32' })),
  body: () => `
@compute @workgroup_size(${LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * ${LANES}u + lane;
  if (i >= params.count) { return; }
  let own = i / params.run * params.run;
  let isLeft = (i / params.run) % 2u == 0u;
  let other = select(own - params.run, own + params.run, isLeft);
  var low = min(other, params.count);
  var high = min(other + params.run, params.count);
  let begin = low;
  let key = keys[i];
  // Among equal keys the left run stands first: its positions are smaller.
  while (low < high) {
    let middle = (low + high) / 2u;
    if (keys[middle] < key || (!isLeft && keys[middle] == key)) { low = middle + 1u; } else { high = middle; }
  }
  let at = min(own, select(other, own, isLeft)) + (i - own) + (low - begin);
  mergedKeys[at] = key;
  mergedPositions[at] = positions[i];
}
`,
};

interface IndexView {
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly offset: number;
  readonly isSigned: boolean;
}

/**
 * Keys that are the flat positions of what an index names in a target of sizes `target`, along `axis`; the largest u32
 * where it names nothing. Binding: the whole buffer of the index.
 */
export function positionKeys(index: IndexView, target: Shape, axis: number): KeySource {
  let inner = 1;
  const weights = target.map(() => 0);
  for (let i = target.length - 1; i >= 0; i--) {
    weights[i] = inner;
    inner *= target[i]!;
  }
  const others = weights.map((weight, i) => (i === axis ? 0 : weight));
  const nest = collapseLoops(index.shape, [index.strides, others]);
  const rank = nest.dims.length;
  const axes = [...nest.dims.keys()];
  return {
    key: `index/${rank}`,
    inputs: [{ name: 'index', access: 'read', element: 'u32' }],
    params: [
      ...['size', 'isSigned', 'weight'],
      ...dimParams(rank),
      ...operandParams('index', rank),
      ...operandParams('others', rank),
    ],
    values: [
      ...[target[axis]!, index.isSigned ? 1 : 0, weights[axis]!],
      ...nest.dims,
      index.offset,
      ...nest.strides[0]!,
      0,
      ...nest.strides[1]!,
    ],
    functions: `
${RESOLVE_INDEX_WGSL}
fn key(i: u32) -> u32 {
  ${coordinates(rank)}
  let named = resolve(index[${operandIndex('index', axes)}], params.size, params.isSigned);
  return select(0xffffffffu, ${operandIndex('others', axes)} + named * params.weight, named < params.size);
}`,
  };
}

/** Keys that are random words: the order of a random permutation. */
export function randomKeys(seed: ScalarLike, stream: number, step: ScalarLike): KeySource {
  return {
    key: 'random',
    inputs: [],
    params: ['seed', 'stream', 'step'],
    values: [seed, stream, step],
    functions: `${PHILOX_WGSL}
fn key(i: u32) -> u32 { return philox(vec4u(i, params.step, 0u, 0u), vec2u(params.seed, params.stream)).x; }`,
  };
}
