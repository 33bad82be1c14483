import type { DType } from '../dtype.ts';
import type { AdapterClass } from '../gpu/adapter.ts';
import { type Kernel, type KernelBinding, type KernelParam, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { isPacked, storageType } from './lib/element.wgsl.ts';
import { keyFunctions, rankFunction } from './lib/float-key.wgsl.ts';
import { type RowAccess, rowAccess, type StridedRows } from './lib/strided-rows.wgsl.ts';

/*
 * Math     the elements of each row in order with their columns; equal ones by column (stable), NaN last.
 *          Pairs (rank, column) are sorted, which are never equal, so every method gives the same order.
 * Layout   rows of a strided view, see lib/strided-rows.wgsl.ts; pairs vec2u [rows, width] in between;
 *          values and indices [outer, k, inner], contiguous. 16-bit floats come out as f32.
 * Dispatch 'blocks': a workgroup sorts blocks of a row in workgroup memory (bitonic) and keeps the first k of
 *          each; 'merge': a thread a pair finds by bisection how many pairs of the neighbouring run stand
 *          before it. A whole sort is blocks and then log2(blocks) merges; a top-k is blocks of blocks until
 *          one is left. The last launch writes values and indices instead of pairs.
 * Memory   a launch reads and writes the pairs once; merges read log2(run) more a pair, from cache.
 * Source   K. E. Batcher, "Sorting networks and their applications", 1968.
 */

export interface SortSpec {
  readonly rows: StridedRows;
  readonly dtype: DType;
  /** Elements of the axis, and of the axes after it. */
  readonly width: number;
  readonly inner: number;
  readonly descending: boolean;
  /** How many of each row to keep. */
  readonly k: number;
}

/** A launch and what it writes: pairs for the next launch, or the results. */
export interface SortStep {
  /** Bindings: [x,] [pairs,] then pairs, or values and indices. */
  readonly launch: LaunchPlan;
  readonly readsSource: boolean;
  readonly readsPairs: boolean;
  /** Pairs written; undefined for the last step, which writes the results. */
  readonly pairs: number | undefined;
}

/** Elements that a workgroup sorts at once, at most. More in memory cost a CPU driver more barriers than merges do. */
const LARGEST_BLOCK: Readonly<Record<AdapterClass, number>> = { cpu: 128, gpu: 1024 };
const MERGE_LANES = 64;

/** The launches of a sort or a top-k of rows that are not empty. */
export function planSort(
  spec: SortSpec,
  adapterClass: AdapterClass,
  largest = LARGEST_BLOCK[adapterClass],
): SortStep[] {
  const { width, k } = spec;
  const access = rowAccess(spec.rows, spec.dtype, 'single');
  const steps: SortStep[] = [];
  const blockOf = (size: number): number => Math.min(largest, 2 ** Math.ceil(Math.log2(Math.max(2, size))));
  // Rounds of blocks that keep k of each pay off while they leave at most half.
  if (k < width && 2 * k <= largest) {
    for (let left = width; ; ) {
      const block = blockOf(left);
      const blocks = Math.ceil(left / block);
      steps.push(blocksStep(spec, access, { size: left, block, keep: k, isFirst: steps.length === 0 }));
      if (blocks === 1) return steps;
      left = blocks * k;
    }
  }
  const block = blockOf(width);
  steps.push(blocksStep(spec, access, { size: width, block, keep: block, isFirst: true }));
  for (let run = block; run < width; run *= 2) steps.push(mergeStep(spec, access, run, run * 2 >= width));
  return steps;
}

interface BlocksShape {
  /** Elements or pairs of a row. */
  readonly size: number;
  readonly block: number;
  /** How many of each block to keep. */
  readonly keep: number;
  /** True if it reads elements, not pairs. */
  readonly isFirst: boolean;
}

function blocksStep(spec: SortSpec, access: RowAccess, { size, block, keep, isFirst }: BlocksShape): SortStep {
  const blocks = Math.ceil(size / block);
  const isLast = blocks === 1;
  const written = Math.min(blocks * keep, keep === block ? size : blocks * keep);
  const lanes = Math.min(256, block / 2);
  const together = Math.max(1, Math.floor(32 / lanes));
  return {
    launch: {
      kernel: blocksKernel(spec, access, { block, lanes, together, isFirst, isLast }),
      params: [
        access.rows,
        size,
        blocks,
        isLast ? spec.k : keep,
        isLast ? spec.k : written,
        spec.inner,
        ...access.values,
      ],
      workgroups: linearWorkgroups(Math.ceil((access.rows * blocks) / together)),
    },
    readsSource: isFirst || isLast,
    readsPairs: !isFirst,
    pairs: isLast ? undefined : access.rows * written,
  };
}

function mergeStep(spec: SortSpec, access: RowAccess, run: number, isLast: boolean): SortStep {
  return {
    launch: {
      kernel: mergeKernel(spec, access, isLast),
      params: [access.rows * spec.width, spec.width, run, spec.k, spec.inner, ...access.values],
      workgroups: linearWorkgroups(Math.ceil((access.rows * spec.width) / MERGE_LANES)),
    },
    readsSource: isLast,
    readsPairs: true,
    pairs: isLast ? undefined : access.rows * spec.width,
  };
}

const u32s = (...names: string[]): KernelParam[] => names.map((name) => ({ name, type: 'u32' }));

/** Bindings of a launch that reads elements, pairs or both, and writes pairs or the results. */
function bindingsOf(
  spec: SortSpec,
  access: RowAccess,
  source: boolean,
  pairs: boolean,
  isLast: boolean,
): KernelBinding[] {
  const value = isPacked(spec.dtype) ? 'f32' : storageType(spec.dtype);
  return [
    ...(source ? [{ name: 'x', access: 'read' as const, element: access.element }] : []),
    ...(pairs ? [{ name: 'pairs', access: 'read' as const, element: 'vec2<u32>' }] : []),
    ...(isLast
      ? [
          { name: 'values', access: 'read_write' as const, element: value },
          { name: 'indices', access: 'read_write' as const, element: 'u32' },
        ]
      : [{ name: 'sorted', access: 'read_write' as const, element: 'vec2<u32>' }]),
  ];
}

/** WGSL \`emit(row, place, pair)\`: the value and the index of a pair, at its place among the k results. */
function emitFunction(access: RowAccess, keep: string): string {
  return `
fn emit(row: u32, place: u32, pair: vec2u) {
  let to = (row / params.inner) * ${keep} * params.inner + row % params.inner + place * params.inner;
  values[to] = ${access.load('x', 'row_base(row) + column_at(pair.y)')};
  indices[to] = pair.y;
}
`;
}

const BEFORE = 'fn before(a: vec2u, b: vec2u) -> bool { return a.x < b.x || (a.x == b.x && a.y < b.y); }';

function blocksKernel(
  spec: SortSpec,
  access: RowAccess,
  shape: { block: number; lanes: number; together: number; isFirst: boolean; isLast: boolean },
): Kernel {
  const { block, lanes, together, isFirst, isLast } = shape;
  return {
    key: `sort-blocks/${access.key}/${spec.descending}/${isFirst}/${isLast}/${block}`,
    label: 'tensor/sort/blocks',
    bindings: bindingsOf(spec, access, isFirst || isLast, !isFirst, isLast),
    params: [...u32s('rows', 'width', 'blocks', 'keep', 'row_length', 'inner'), ...access.params],
    body: () => `${isFirst || isLast ? access.functions : ''}${isFirst ? keyFunctions(spec.dtype) + rankFunction(spec.dtype, spec.descending, 'last') : ''}
${BEFORE}${isLast ? emitFunction(access, 'params.keep') : ''}
var<workgroup> held: array<vec2u, ${block * together}>;
@compute @workgroup_size(${lanes * together})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) thread: u32) {
  let lane = thread % ${lanes}u;
  let own = thread / ${lanes}u * ${block}u;
  let index = (group.x + group.y * groups.x) * ${together}u + thread / ${lanes}u;
  let inside = index < params.rows * params.blocks;
  let row = min(index / params.blocks, params.rows - 1u);
  let first = index % params.blocks * ${block}u;
  for (var at = lane; at < ${block}u; at += ${lanes}u) {
    // What fills up a block stands behind all real pairs.
    var pair = vec2u(0xffffffffu, 0xffffffffu);
    let i = first + at;
    if (i < params.width) {
      pair = ${isFirst ? `vec2u(rank_of(${access.load('x', 'row_base(row) + column_at(i)')}), i)` : 'pairs[row * params.width + i]'};
    }
    held[own + at] = pair;
  }
  for (var size = 2u; size <= ${block}u; size *= 2u) {
    for (var step = size / 2u; step > 0u; step /= 2u) {
      workgroupBarrier();
      for (var at = lane; at < ${block / 2}u; at += ${lanes}u) {
        let low = 2u * at - (at & (step - 1u));
        let a = held[own + low];
        let b = held[own + low + step];
        if (before(b, a) == ((low & size) == 0u)) {
          held[own + low] = b;
          held[own + low + step] = a;
        }
      }
    }
  }
  workgroupBarrier();
  if (!inside) { return; }
  for (var at = lane; at < min(params.keep, ${block}u); at += ${lanes}u) {
    ${
      isLast
        ? 'emit(row, at, held[own + at]);'
        : `let place = index % params.blocks * params.keep + at;
    if (place < params.row_length) { sorted[row * params.row_length + place] = held[own + at]; }`
    }
  }
}
`,
  };
}

function mergeKernel(spec: SortSpec, access: RowAccess, isLast: boolean): Kernel {
  return {
    key: `sort-merge/${isLast ? access.key : ''}/${isLast}`,
    label: 'tensor/sort/merge',
    bindings: bindingsOf(spec, access, isLast, true, isLast),
    params: [...u32s('count', 'width', 'run', 'keep', 'inner'), ...access.params],
    body: () => `${isLast ? access.functions : ''}
${BEFORE}${isLast ? emitFunction(access, 'params.keep') : ''}
@compute @workgroup_size(${MERGE_LANES})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let i = (group.x + group.y * groups.x) * ${MERGE_LANES}u + lane;
  if (i >= params.count) { return; }
  let row = i / params.width;
  let start = row * params.width;
  let column = i - start;
  let own = column / params.run * params.run;
  let is_left = (column / params.run) % 2u == 0u;
  let other = select(own - params.run, own + params.run, is_left);
  var low = min(other, params.width);
  var high = min(other + params.run, params.width);
  let begin = low;
  let pair = pairs[i];
  while (low < high) {
    let middle = (low + high) / 2u;
    if (before(pairs[start + middle], pair)) { low = middle + 1u; } else { high = middle; }
  }
  let place = min(own, other) + (column - own) + (low - begin);
  ${isLast ? 'if (place < params.keep) { emit(row, place, pair); }' : 'sorted[start + place] = pair;'}
}
`,
  };
}
