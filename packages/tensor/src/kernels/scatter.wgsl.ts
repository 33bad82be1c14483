import type { DType } from '../dtype.ts';
import { type Kernel, linearWorkgroups } from '../gpu/kernel.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { collapseLoops, contiguousStrides, type Shape, sizeOf } from '../shape.ts';
import { RESOLVE_INDEX_WGSL } from './lib/index-value.wgsl.ts';
import {
  coordinates,
  dimParams,
  loadFunction,
  moveBinding,
  moveKernel,
  movePlan,
  operandIndex,
  operandParams,
  widenLoops,
} from './lib/move.wgsl.ts';
import { unitValues } from './lib/unit-values.wgsl.ts';

/*
 * Math     'add': out[.., v, ..] = target[.., v, ..] + sum over n with index[.., n, ..] = v of source[.., n, ..]
 *          'set': the last such source[.., n, ..], or the target where there is none
 *          Sources whose index names no element are left out.
 * Layout   target, index and source are any strided views over the output's dimensions, each with its stride along the
 *          axis apart; an index that does not depend on a dimension has stride 0 there. out is contiguous.
 * Dispatch one thread a unit of the output, so nothing is written twice and no atomics are needed. It finds its
 *          sources in ascending n: the sum has one order, whichever of the two searches is used.
 *          'walk'   looks at all N indices of its lane: N comparisons a unit.
 *          'sorted' for an index [N] that is the same for all lanes, given as keys in order with their positions:
 *                   log2 N steps a unit, then only its own sources.
 *          'begun'  the same with the places where each key begins, found once for all lanes.
 * Memory   'walk' reads each index once a unit, from cache; both read target and source once and write out once.
 * Numerics floats add up in f32, integers wrap around.
 */
export type ScatterMode = 'add' | 'set';

interface ScatterOperand {
  /** Over the output's dimensions, 0 along the axis. */
  readonly strides: readonly number[];
  readonly offset: number;
  /** Stride along the axis. */
  readonly axisStride: number;
}

export interface ScatterSpec {
  readonly mode: ScatterMode;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly axis: number;
  readonly target: { readonly strides: readonly number[]; readonly offset: number };
  readonly source: ScatterOperand;
  /** How many sources each lane has. */
  readonly count: number;
  /**
   * The index itself for 'walk'. For 'sorted' the bindings hold keys and positions [count], for 'begun' where the
   * sources of each place begin [size + 1] and the positions.
   */
  readonly index: (ScatterOperand & { readonly isSigned: boolean }) | 'sorted' | 'begun';
}

/**
 * Bindings: the whole buffers of target, source and index, out; or target, source, the plain buffers of keys or
 * beginnings and of positions, out.
 */
export function planScatter(spec: ScatterSpec): LaunchPlan {
  const { mode, dtype, shape, axis, target, source, count, index } = spec;
  const isSorted = index === 'sorted' || index === 'begun';
  // What a unit looks for is its coordinate along the axis: an operand that no merged dimension can lose it in.
  const along = shape.map((_, i) => (i === axis ? 1 : 0));
  const none = shape.map(() => 0);
  const nest = collapseLoops(shape, [
    target.strides,
    source.strides,
    along,
    isSorted ? none : index.strides,
    contiguousStrides(shape),
  ]);
  if (nest.dims.length === 0) {
    nest.dims.push(1);
    for (const strides of nest.strides) strides.push(1);
  }
  const rank = nest.dims.length;
  const [targetStrides, sourceStrides, alongStrides, indexStrides] = nest.strides as [
    number[],
    number[],
    number[],
    number[],
  ];
  const hasRuns = alongStrides[rank - 1] === 0 && indexStrides[rank - 1] === 0;
  const loops = widenLoops(
    dtype,
    nest.dims,
    [targetStrides, sourceStrides],
    [target.offset, source.offset],
    [source.axisStride, hasRuns ? 0 : 1],
    mode === 'add' && dtype !== 'f32' && dtype !== 'i32' && dtype !== 'u32' ? 'word' : 'quad',
  );
  const { unit, dims, factor } = loops;
  const axes = [...dims.keys()];
  const take =
    mode === 'add'
      ? 'value = value + decode(load_source(base + n * params.sourceAxisStride)); found = true;'
      : 'bits = load_source(base + n * params.sourceAxisStride);';
  const search =
    index === 'begun'
      ? `
  for (var at = begins[v]; at < begins[v + 1u]; at++) {
    let n = positions[at];
    ${take}
  }`
      : index === 'sorted'
        ? `
  // The first key that is not less.
  var low = 0u;
  var high = params.sources;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (keys[middle] < v) { low = middle + 1u; } else { high = middle; }
  }
  for (; low < params.sources; low++) {
    if (keys[low] != v) { break; }
    let n = positions[low];
    ${take}
  }`
        : `
  let names = ${operandIndex('index', axes)};
  for (var n = 0u; n < params.sources; n++) {
    if (resolve(index[names + n * params.indexAxisStride], params.size, params.isSigned) == v) { ${take} }
  }`;
  const kernel = moveKernel({
    key: `scatter/${mode}/${dtype}/${isSorted ? index : 'walk'}/${rank}`,
    label: `tensor/scatter/${mode}`,
    unit,
    inputs: [
      moveBinding('original', 'read', unit),
      moveBinding('source', 'read', unit),
      ...(isSorted ? [index === 'begun' ? 'begins' : 'keys', 'positions'] : ['index']).map((name) => ({
        name,
        access: 'read' as const,
        element: 'u32',
      })),
    ],
    params: [
      ...['sources', 'size', 'sourceAxisStride'],
      ...(isSorted ? [] : ['isSigned', 'indexAxisStride']),
      ...dimParams(rank),
      ...operandParams('original', rank),
      ...operandParams('source', rank),
      ...operandParams('along', rank),
      ...(isSorted ? [] : operandParams('index', rank)),
    ],
    functions: () => `
${loadFunction('original', unit)}
${loadFunction('source', unit)}
${mode === 'add' && dtype !== 'bool' ? unitValues(dtype, unit) : ''}
${isSorted ? '' : RESOLVE_INDEX_WGSL}
fn element(i: u32, old: U) -> U {
  ${coordinates(rank)}
  let v = ${operandIndex('along', axes)};
  let base = ${operandIndex('source', axes)};
  var bits = load_original(${operandIndex('original', axes)});
  ${mode === 'add' ? 'var value = decode(bits);\n  var found = false;' : ''}
  ${search}
  ${mode === 'add' ? '// Where nothing is added the bits stay as they are.\n  if (found) { bits = encode(value); }' : ''}
  return bits;
}`,
  });
  const axisParams = isSorted ? [] : [index.isSigned ? 1 : 0, index.axisStride];
  return movePlan(kernel, unit, sizeOf(shape) / factor, [
    ...[count, shape[axis] ?? 1, source.axisStride / factor, ...axisParams],
    ...dims,
    loops.offsets[0]!,
    ...loops.strides[0]!,
    loops.offsets[1]!,
    ...loops.strides[1]!,
    0,
    ...alongStrides,
    ...(isSorted ? [] : [index.offset, ...indexStrides]),
  ]);
}

const BEGINS: Kernel = {
  key: 'scatter/begins',
  label: 'tensor/scatter/begins',
  bindings: [
    { name: 'keys', access: 'read', element: 'u32' },
    { name: 'begins', access: 'read_write', element: 'u32' },
  ],
  params: ['count', 'sources'].map((name) => ({ name, type: 'u32' })),
  body: () => `
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) lane: u32) {
  let v = (group.x + group.y * groups.x) * 256u + lane;
  if (v >= params.count) { return; }
  // The first key that is not less.
  var low = 0u;
  var high = params.sources;
  while (low < high) {
    let middle = (low + high) / 2u;
    if (keys[middle] < v) { low = middle + 1u; } else { high = middle; }
  }
  begins[v] = low;
}
`,
};

/** Where the sources of each of `size` places begin among sorted keys [sources]. Bindings: keys, begins [size + 1]. */
export function planBegins(size: number, sources: number): LaunchPlan {
  return {
    kernel: BEGINS,
    params: [size + 1, sources],
    workgroups: linearWorkgroups(Math.ceil((size + 1) / 256)),
  };
}
