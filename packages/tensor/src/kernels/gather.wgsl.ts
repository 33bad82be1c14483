import type { DType } from '../dtype.ts';
import type { LaunchPlan } from '../gpu/launch-plan.ts';
import { collapseLoops, contiguousStrides, type Shape, sizeOf } from '../shape.ts';
import { elementBits } from './lib/element-bits.ts';
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
  unitBits,
  widenLoops,
} from './lib/move.wgsl.ts';

/*
 * Math     out[.., c, ..] = x[.., index[..], ..], the index standing for one axis of x; `fill` where it names no
 *          element, so that no memory but that of x is read
 * Layout   x and index are any strided views over the output's dimensions: x with stride 0 along the axis, the index
 *          with stride 0 along the dimensions that it does not depend on. out is contiguous.
 *          A table cut into row blocks is gathered block by block: each launch leaves the rows of the others alone.
 * Dispatch one thread a word, or 16 bytes where one index moves a run of elements.
 * Memory   each output element is read and written once, the index comes from cache.
 */

export interface GatherSpec {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly x: { readonly strides: readonly number[]; readonly offset: number };
  readonly index: { readonly strides: readonly number[]; readonly offset: number; readonly isSigned: boolean };
  /** Stride of x along the indexed axis. */
  readonly axisStride: number;
  /** Size of the indexed axis, all blocks together. */
  readonly size: number;
  /** The block that x holds: where it begins and how many rows it has. Default all. */
  readonly block?: { readonly first: number; readonly rows: number };
  /** What stands where the index names no element. */
  readonly fill: number;
}

/** Bindings: the whole buffers of x and of the index, out. */
export function planGather(spec: GatherSpec): LaunchPlan {
  const { dtype, shape, x, index } = spec;
  const block = spec.block ?? { first: 0, rows: spec.size };
  const nest = collapseLoops(shape, [x.strides, index.strides, contiguousStrides(shape)]);
  const rank = nest.dims.length;
  const indexStrides = nest.strides[1]!;
  const loops = widenLoops(
    dtype,
    nest.dims,
    [nest.strides[0]!],
    [x.offset],
    // An index for every element leaves no runs.
    [spec.axisStride, indexStrides[rank - 1] === 0 ? 0 : 1],
  );
  const { unit, dims, factor } = loops;
  const keepsOld = block.first > 0;
  const axes = [...dims.keys()];
  const kernel = moveKernel({
    key: `gather/${rank}/${keepsOld}`,
    label: 'tensor/gather',
    unit,
    inputs: [moveBinding('x', 'read', unit), { name: 'index', access: 'read', element: 'u32' }],
    params: [
      ...['size', 'first', 'rows', 'isSigned', 'fill', 'axisStride'],
      ...dimParams(rank),
      ...operandParams('x', rank),
      ...operandParams('index', rank),
    ],
    keepsOld,
    functions: () => `
${loadFunction('x', unit)}
${RESOLVE_INDEX_WGSL}
fn element(i: u32, old: U) -> U {
  ${coordinates(rank)}
  let row = resolve(index[${operandIndex('index', axes)}], params.size, params.isSigned) - params.first;
  if (row >= params.rows) { return ${keepsOld ? 'old' : 'U(params.fill)'}; }
  return load_x(${operandIndex('x', axes)} + row * params.axisStride);
}`,
  });
  return movePlan(kernel, unit, sizeOf(shape) / factor, [
    spec.size,
    block.first,
    block.rows,
    index.isSigned ? 1 : 0,
    unitBits(elementBits(spec.fill, dtype), dtype, unit),
    spec.axisStride / factor,
    ...dims,
    loops.offsets[0]!,
    ...loops.strides[0]!,
    index.offset,
    ...indexStrides,
  ]);
}
